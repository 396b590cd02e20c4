internal import Collectives
package import Datasets
internal import RawPhotos

/// What `ddp-train check` is asked.
package struct CheckRequest: Sendable {
  /// Photos in any form that `--data` takes.
  package var data: String
  /// Evaluation sets whose people must not be in the data.
  package var pairs: [String] = []
  /// A list of photos and people to leave out.
  package var exclude: String?
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
  package var quality = FaceCutter.usualQuality
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
