internal import Datasets
internal import Evaluation
private import Foundation
internal import Interchange
internal import RawPhotos
private import Synchronization
internal import Threads

/// Writes photos aligned by a file of five points a photo, as `FaceCutter` does.
enum FaceAligner {
  struct Result {
    var count = 0
    /// Photos that cannot be used, with the reason.
    var bad: [String] = []
    /// Photos without landmarks, which are left out.
    var missing: [String] = []
    /// Lines that say that there is no face.
    var faceless = 0
    /// Photos whose landmarks are those of no face; they are aligned.
    var doubtful: [String] = []
    /// Who is on each photo that was written, where folders do not say it.
    var labels: [String] = []
    var notes = DataNotes()
  }

  /// Aligns the photos of a data set into the folder `out`, by the same relative paths. Throws
  /// `DatasetError`, `FolderError` for a folder that holds something already, and
  /// `CommandFiles.Conflict` for one among the data.
  static func run(_ request: AlignRequest) throws -> Result {
    try CommandFiles.check { files in
      files.readData(request.data, as: "the data")
      files.read(request.landmarks, as: "--landmarks")
      files.writePhotos(into: request.out, as: "the folder")
    }
    let set = try ToolWork.run("listing \(request.data)") {
      try PhotoSet(path: request.data, besides: [request.landmarks], meter: $0)
    }
    let index = set.index
    let landmarks = try Landmarks.found(
      in: request.landmarks, for: index, imageSize: request.size)
    guard landmarks.similarities.contains(where: { $0 != nil }) else {
      throw DatasetError.unusable(
        path: request.landmarks,
        reason: "has points of none of the photos of \(request.data)"
          + (landmarks.stranger.map {
            "; it names \($0), the first of them is \(index.photos[0].path)"
          }
            ?? ""))
    }
    try UnfinishedFolder.begin(request.out, command: "align")
    let targets = targets(of: index)
    let folders = folders(of: targets)
    for folder in folders { try Folders.make(request.out + "/" + folder) }
    let labels = AlignedLabels(index, targets: targets)
    var found = try ToolWork.run("aligning photos") { meter in
      meter.expect(index.photos.count)
      return try align(set, by: landmarks.similarities, into: targets, labels, request) {
        meter.add()
      }
    }
    AlignedLabels.removeEmpty(folders, in: request.out)
    found.bad.sort()
    found.missing.sort()
    found.faceless = landmarks.faceless
    found.notes = set.notes
    if labels.areNeeded, found.count > 0 {
      found.notes.remarks.append(try labels.write(found.labels, to: request.out))
    }
    try UnfinishedFolder.end(request.out)
    found.doubtful = landmarks.misfits.map { index.photos[$0.photo].path }
    return found
  }

  /// Writes the photos that have a similarity on all threads; `onPhoto` is told of each.
  private static func align(
    _ set: PhotoSet, by similarities: [Similarity?], into targets: [String],
    _ labels: AlignedLabels, _ request: AlignRequest, onPhoto: @Sendable () -> Void
  ) throws -> Result {
    let index = set.index
    let result = Mutex(Result())
    let failure = Mutex<(any Error)?>(nil)
    let next = Atomic<Int>(0)
    DispatchQueue.concurrentPerform(iterations: ToolThreads.count(request.threads)) { _ in
      let worker = Worker(request)
      while failure.withLock({ $0 == nil }) {
        let photo = next.wrappingAdd(1, ordering: .relaxed).oldValue
        guard photo < index.photos.count else { return }
        defer { onPhoto() }
        let path = index.photos[photo].path
        guard let similarity = similarities[photo] else {
          result.withLock { $0.missing.append(path) }
          continue
        }
        do {
          let jpeg = try worker.align(photo, of: set, by: similarity)
          // Thousands of syncs would take longer than the work, which can be done again.
          try BytesFile.write(jpeg, to: request.out + "/" + targets[photo], syncing: false)
          let line = labels.areNeeded ? labels.line(photo, target: targets[photo]) : nil
          result.withLock {
            $0.count += 1
            if let line { $0.labels.append(line) }
          }
        } catch let error as ImageError {
          result.withLock { $0.bad.append("\(path): \(error.description)") }
        } catch {
          failure.withLock { $0 = error }
        }
      }
    }
    if let error = failure.withLock({ $0 }) { throw error }
    return result.withLock { $0 }
  }

  /// Where each photo goes: `person/photo.jpg`, whatever ending it has, or none as in packs. One
  /// that would take another's place keeps its ending before `.jpg`, and then gets a number.
  static func targets(of index: PhotoIndex) -> [String] {
    // Not by ==, to which names that Unicode composes in two ways are one.
    var taken: Set<ExactText> = []
    return index.photos.map { photo in
      // A list may name photos anywhere; what is written stays below the folder.
      let relative = photo.path.split(separator: "/").filter { ![".", "..", "~"].contains($0) }
        .joined(separator: "/")
      var target = jpegName(relative)
      if taken.contains(ExactText(target)) { target = relative + ".jpg" }
      var number = 2
      while !taken.insert(ExactText(target)).inserted {
        target = "\(relative)-\(number).jpg"
        number += 1
      }
      return target
    }
  }

  private static func jpegName(_ path: String) -> String {
    let lower = path.lowercased()
    if lower.hasSuffix(".jpg") || lower.hasSuffix(".jpeg") { return path }
    let ending = [".png", ".webp", ".jfif", ".jpe", ".apng"].first { lower.hasSuffix($0) }
    return path.dropLast(ending?.count ?? 0) + ".jpg"
  }

  /// The folders that files at `targets` are in.
  static func folders(of targets: [String]) -> [String] {
    Set(targets.map { ExactText(folder($0)) }).map(\.text)
  }

  static func folder(_ path: String) -> String {
    path.split(separator: "/").dropLast().joined(separator: "/")
  }

  private final class Worker {
    private let request: AlignRequest
    private let decoder = ImageDecoder()
    private let cutter: FaceCutter
    private let photo = PixelBuffer(width: 1, height: 1)
    private let bytes = ByteBuffer()

    init(_ request: AlignRequest) {
      self.request = request
      cutter = FaceCutter(size: request.size, quality: request.quality)
    }

    func align(
      _ index: Int, of set: PhotoSet, by similarity: Similarity
    ) throws(ImageError) -> [UInt8] {
      try set.source.read(index, into: bytes)
      try decoder.decode(bytes.bytes, into: photo)
      try Alignment.requireFace(by: similarity, from: request.size, on: photo.width, photo.height)
      return cutter.jpeg(of: photo, by: similarity)
    }
  }
}
