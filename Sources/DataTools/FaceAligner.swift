internal import Datasets
internal import Evaluation
private import Foundation
internal import Interchange
private import Synchronization

/// Writes photos aligned by five points to insightface's template (face_align.py `norm_crop`): the
/// full-size photo, a least-squares similarity, bilinear, black beyond the edge. The JPEG keeps the
/// chroma whole: halved, it would be off by a grey level by itself.
enum FaceAligner {
  struct Result {
    var count = 0
    /// Photos that cannot be used, with the reason.
    var bad: [String] = []
    /// Photos without landmarks, which are left out.
    var missing: [String] = []
  }

  /// Aligns the photos of a data set into the folder `out`, by the same relative paths. Throws
  /// `DatasetError`, `FolderError` for a folder that holds something already.
  static func run(_ request: AlignRequest) throws -> Result {
    let set = try PhotoSet(path: request.data)
    let index = set.index
    let similarities = try Landmarks.similarities(
      file: request.landmarks, for: index, imageSize: request.size)
    try requireEmpty(request.out)
    for person in Set(index.photos.indices.map { folder(of: index.photos[$0].path) }) {
      try Folders.make(request.out + "/" + person)
    }
    let result = Mutex(Result())
    let failure = Mutex<(any Error)?>(nil)
    let next = Atomic<Int>(0)
    DispatchQueue.concurrentPerform(iterations: ToolThreads.count(request.threads)) { _ in
      let worker = Worker(request)
      while failure.withLock({ $0 == nil }) {
        let photo = next.wrappingAdd(1, ordering: .relaxed).oldValue
        guard photo < index.photos.count else { return }
        let path = index.photos[photo].path
        guard let similarity = similarities[photo] else {
          result.withLock { $0.missing.append(path) }
          continue
        }
        do {
          let jpeg = try worker.align(photo, of: set, by: similarity)
          // Thousands of syncs would take longer than the work, which can be done again.
          try BytesFile.write(jpeg, to: request.out + "/" + target(path), syncing: false)
          result.withLock { $0.count += 1 }
        } catch let error as ImageError {
          result.withLock { $0.bad.append("\(path): \(error.description)") }
        } catch {
          failure.withLock { $0 = error }
        }
      }
    }
    if let error = failure.withLock({ $0 }) { throw error }
    var found = result.withLock { $0 }
    found.bad.sort()
    found.missing.sort()
    return found
  }

  /// `person/photo.jpg` for a path that may have another ending, or none as in packs.
  private static func target(_ path: String) -> String {
    // A list may name photos anywhere; what is written stays below the folder.
    let relative = path.split(separator: "/").filter { $0 != "." && $0 != ".." }
      .joined(separator: "/")
    let lower = relative.lowercased()
    return lower.hasSuffix(".jpg") || lower.hasSuffix(".jpeg") ? relative : relative + ".jpg"
  }

  private static func folder(of path: String) -> String {
    target(path).split(separator: "/").dropLast().joined(separator: "/")
  }

  private static func requireEmpty(_ path: String) throws {
    guard let contents = try? FileManager.default.contentsOfDirectory(atPath: path) else { return }
    guard contents.isEmpty else { throw FolderError.notEmpty(path: path) }
  }

  private final class Worker {
    private let request: AlignRequest
    private let decoder = JPEGDecoder()
    private let encoder = JPEGEncoder()
    private let photo = PixelBuffer(width: 1, height: 1)
    private let aligned: PixelBuffer
    private let bytes = ByteBuffer()

    init(_ request: AlignRequest) {
      self.request = request
      aligned = PixelBuffer(width: request.size.width, height: request.size.height)
    }

    func align(
      _ index: Int, of set: PhotoSet, by similarity: Similarity
    ) throws(ImageError) -> [UInt8] {
      try set.source.read(index, into: bytes)
      try decoder.decode(bytes.bytes, into: photo)
      Alignment.warp(
        photo.pixels, width: photo.width, height: photo.height, by: similarity, x: (1, 0),
        y: (1, 0),
        outWidth: aligned.width, outHeight: aligned.height, into: aligned.pixels)
      return encoder.encode(
        aligned.pixels, width: aligned.width, height: aligned.height, quality: request.quality,
        keepsChroma: true)
    }
  }
}
