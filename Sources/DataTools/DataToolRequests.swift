internal import Collectives
package import Datasets
internal import Interchange
internal import Sessions
internal import Threads

/// What `ddp-train pack` is asked.
package struct PackRequest: Sendable {
  /// Photos in any form that `--data` takes.
  package var data: String
  /// The format of the pack.
  package var form: PackWriter.Form
  /// The pack to write.
  package var out: String

  /// `form` is `rec` or `tar`; nil for another word.
  package init?(data: String, form: String, out: String) {
    guard let form = PackWriter.Form(rawValue: form) else { return nil }
    self.data = data
    self.form = form
    self.out = out
  }
}

/// What `ddp-train pack --to bin` is asked.
package struct BinRequest: Sendable {
  /// Photos in any form that `--data` takes.
  package var data: String
  /// A list of pairs of them.
  package var pairs: String
  package var out: String

  /// The photos of `pairs` as one verification set.
  package init(data: String, pairs: String, out: String) {
    self.data = data
    self.pairs = pairs
    self.out = out
  }
}

/// What `ddp-train check` is asked.
package struct CheckRequest: Sendable {
  /// Photos in any form that `--data` takes.
  package var data: String
  /// Evaluation sets whose people must not be in the data.
  package var pairs: [String] = []
  /// Whether the answer is one JSON object.
  package var printsJSON = false
  /// Threads that read photos; nil is the host's share.
  package var threads: Int?

  /// Looks at `data`.
  package init(data: String) { self.data = data }
}

/// What `ddp-train align` is asked.
package struct AlignRequest: Sendable {
  /// Photos in any form that `--data` takes.
  package var data: String
  /// The folder to write, which must be empty or not there.
  package var out: String
  /// Lines `path x1 y1 ... x5 y5`.
  package var landmarks: String
  /// Height and width of the aligned photos in pixels.
  package var size: ImageSize
  /// JPEG quality of the aligned photos, 1...100.
  package var quality = 98
  /// Threads that align photos; nil is the host's share.
  package var threads: Int?

  /// `size` is `112` or `140x116`, height first; nil where it is no size of 1 to 1024 pixels.
  package init?(data: String, out: String, landmarks: String, size: String = "112") {
    guard let parsed = ImageSize(size), (1...1024).contains(parsed.height),
      (1...1024).contains(parsed.width)
    else { return nil }
    self.data = data
    self.out = out
    self.landmarks = landmarks
    self.size = parsed
  }
}

extension PackRequest {
  /// Writes a pack; returns what to say. Throws what is wrong in one line, and that it was asked to
  /// end, by a signal that is heard; then nothing of it is left.
  package func run() throws -> [String] {
    let (data, form, out, stop) = (data, form, out, StopSignals())
    try PackWriter.checkName(of: form, to: out)
    let paths = PackWriter.paths(of: form, to: out)
    try checkFiles(paths)
    let isNew = !FileReader.exists(paths.pack)
    let oldProperty = isNew ? paths.property.flatMap { try? TextFile.read($0) } : nil
    do {
      let set = try ToolWork.run("listing \(data)", stop: stop) {
        try PhotoSet(path: data, meter: $0)
      }
      let files = try ToolWork.run("packing photos") { meter in
        meter.expect(set.index.photos.count)
        return try PackWriter.write(set, as: form, to: out) { _ in
          meter.add()
          if stop.wantsEnd { throw Interruption() }
        }
      }
      let people = set.index.people.count
      var lines = set.notes.lines + (set.index.lonePhotosWarning.map { ["warning: \($0)"] } ?? [])
      if let path = paths.property, let old = oldProperty, try TextFile.read(path) != old {
        let text = old.split(whereSeparator: \.isNewline).joined(separator: " ")
        lines.append(
          "warning: \(path) was of another pack and said '\(text)'; a folder has one for its "
            + "train.rec: give each pack a folder of its own, as with --out FOLDER")
      }
      lines.append(
        "\(set.index.photos.count) photos of \(people) people in \(files.joined(separator: ", "))")
      return lines
    } catch is Interruption {
      throw ToolError.interrupted(out: out)
    }
  }
}

extension PackRequest {
  /// Throws `CommandFiles.Conflict` where one of `paths` is what the pack is made of, or a file
  /// that no pack has put there.
  private func checkFiles(_ paths: PackWriter.Paths) throws {
    // The files of a folder that is not there yet are all new.
    guard !paths.makesFolder || FileReader.exists(out) else { return }
    var files = CommandFiles()
    files.readData(data, as: "the data")
    files.write(paths.pack, as: "--out")
    for path in paths.beside { files.write(path, beside: paths.pack, as: "--out") }
    try files.check()
  }
}

extension DataNotes {
  /// What was made out of the data, what is passed over, and what is most likely not meant.
  var lines: [String] { remarks + passedOver.lines + allWarnings.map { "warning: \($0)" } }
}

extension CheckRequest {
  /// Checks data; returns what to say and whether they are without error.
  package func run() throws -> (lines: [String], isGood: Bool) {
    let report = try DataCheck.run(self)
    return (
      printsJSON ? [try report.json()] : report.lines, report.errorCount == 0
    )
  }
}

extension AlignRequest {
  /// Aligns photos; returns what to say and whether every photo that has landmarks was aligned by
  /// those of a face.
  package func run() throws -> (lines: [String], isGood: Bool) {
    let result = try FaceAligner.run(self)
    var lines = result.notes.lines + result.bad.map { "bad photo: \($0)" }
    lines += result.missing.prefix(20).map { "no landmarks: \($0)" }
    if result.missing.count > 20 { lines.append("no landmarks: \(result.missing.count) in all") }
    if result.faceless > 0 {
      lines.append("\(result.faceless) lines of \(landmarks) say that there is no face")
    }
    lines += result.doubtful.prefix(20).map { "landmarks of no face: \($0)" }
    if result.doubtful.count > 20 {
      lines.append("landmarks of no face: \(result.doubtful.count) in all")
    }
    lines.append(
      "\(result.count) photos aligned to \(size) in \(out)"
        + (result.missing.isEmpty ? "" : ", \(result.missing.count) without landmarks left out"))
    return (lines, result.bad.isEmpty && result.doubtful.isEmpty)
  }
}

/// How many threads a tool works with.
enum ToolThreads {
  /// Compute threads of a command that runs by itself.
  static func count(_ wanted: Int?) -> Int {
    wanted
      ?? min(HostProcessors.current.allowedCount, ControlGroup.current.wholeProcessors ?? .max)
  }
}
