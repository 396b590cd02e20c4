internal import Interchange

/// What the log of a run says, by what its lines begin with.
struct RunNotes {
  private var lines: [Substring] = []

  /// The log at `path`; nothing of nil or of what cannot be read.
  init(_ path: String?) {
    guard let path, let text = try? TextFile.lines(of: path) else { return }
    // Behind the time.
    lines = text.map { $0.drop { $0 != " " }.dropFirst() }
  }

  /// What stands behind `sign` in the last line that begins with it.
  func last(_ sign: String) -> String? { all(sign).last }

  /// What stands behind `sign` in all lines that begin with it, each once.
  func all(_ sign: String) -> [String] {
    var seen: Set<Substring> = []
    return lines.compactMap { line in
      guard line.hasPrefix(sign), seen.insert(line).inserted else { return nil }
      return String(line.dropFirst(sign.count))
    }
  }

  /// Photos that were named as bad.
  var badPhotoCount: Int { all("warning: bad photo: ").count + all("bad photo: ").count }
}
