/// How the lines of a list of photos are laid out: told by the first of them, the same for all.
struct ListLayout: Equatable {
  /// What stands where.
  enum Order: String {
    case pathLabel = "path label"
    case labelPath = "label path"
    /// MXNet's `.lst`.
    case indexLabelPath = "index label path"
    /// InsightFace's `.lst`: whether the face is aligned, where it is, and whose it is.
    case flagPathLabel = "flag path label"
  }

  enum Separator: String {
    case tab = "\t"
    case space = " "
    case comma = ","
    case semicolon = ";"
  }

  let order: Order
  let separator: Separator

  /// The layout of a list whose first line is `line`; nil for one without. `isThere` tells whether
  /// there is a photo of that path, which decides where the line alone leaves it open.
  init?(of line: Substring, isThere: (String) -> Bool) {
    let candidates = Self.candidates(line).filter { $0.parts(of: line) != nil }
    func path(_ layout: Self) -> Substring { layout.parts(of: line)?.path ?? "" }
    guard
      let found = candidates.first(where: { isThere(String(path($0))) })
        ?? candidates.first(where: { Self.looksLikePhoto(path($0)) }) ?? candidates.first
    else { return nil }
    self = found
  }

  private init(_ order: Order, _ separator: Separator) {
    self.order = order
    self.separator = separator
  }

  private static func candidates(_ line: Substring) -> [Self] {
    if line.contains("\t") {
      return [.indexLabelPath, .flagPathLabel, .pathLabel, .labelPath].map { Self($0, .tab) }
    }
    let separators: [Separator] = [.space, .comma, .semicolon].filter {
      line.contains($0.rawValue)
    }
    return separators.flatMap { [Self(.pathLabel, $0), Self(.labelPath, $0)] }
  }

  /// The path and the label of `line`, which has no white space at its ends; nil where it is laid
  /// out otherwise.
  func parts(of line: Substring) -> (path: Substring, label: Substring)? {
    let mark = Character(separator.rawValue)
    switch order {
    case .indexLabelPath:
      let fields = line.split(separator: mark, maxSplits: 3, omittingEmptySubsequences: false)
      guard fields.count == 3, Int(fields[0]) != nil, Double(fields[1]) != nil else { return nil }
      return Self.whole(fields[2], fields[1])
    case .flagPathLabel:
      let fields = line.split(separator: mark, maxSplits: 3, omittingEmptySubsequences: false)
      guard fields.count == 3, fields[0] == "1" || fields[0] == "0" else { return nil }
      return Self.whole(fields[1], fields[2])
    case .pathLabel, .labelPath:
      let isLast = order == .pathLabel
      guard let cut = isLast ? line.lastIndex(of: mark) : line.firstIndex(of: mark) else {
        return nil
      }
      // A further tab is a further column.
      if separator == .tab, line.firstIndex(of: mark) != line.lastIndex(of: mark) { return nil }
      let (before, after) = (line[..<cut], line[line.index(after: cut)...])
      return isLast ? Self.whole(before, after) : Self.whole(after, before)
    }
  }

  private static func whole(
    _ path: Substring, _ label: Substring
  ) -> (path: Substring, label: Substring)? {
    let (path, label) = (path.trimmed, label.trimmed)
    return path.isEmpty || label.isEmpty ? nil : (path, label)
  }

  /// Whether `path` ends as photos do.
  private static func looksLikePhoto(_ path: Substring) -> Bool {
    guard let dot = path.lastIndex(of: ".") else { return false }
    let endings = ["jpg", "jpeg", "jpe", "jfif", "png", "webp", "bmp", "tif", "tiff", "heic"]
    return endings.contains(path[path.index(after: dot)...].lowercased())
  }

  /// Words that stand above the columns of a list.
  private static let titles: Set<String> = [
    "path", "paths", "file", "filename", "file_name", "image", "image_path", "img", "photo", "name",
    "label", "labels", "id", "class", "person", "identity", "index", "target", "subject",
  ]

  /// Whether `line` names columns, and no photo.
  static func isHeader(_ line: Substring) -> Bool {
    let words = line.lowercased().split { $0.isWhitespace || $0 == "," || $0 == ";" }
    return words.count > 1 && words.allSatisfy { titles.contains(String($0)) }
  }
}

extension Substring {
  /// Without white space at either end.
  var trimmed: Substring {
    var text = self
    while let first = text.first, first.isWhitespace { text = text.dropFirst() }
    while let last = text.last, last.isWhitespace { text = text.dropLast() }
    return text
  }
}
