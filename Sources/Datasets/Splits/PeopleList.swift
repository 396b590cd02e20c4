private import Interchange

/// A list of names: LFW's `people*.txt` or one name a line.
package enum PeopleList {
  /// The names in the file at `path`, in order.
  ///
  /// A file with a tab in it is read as LFW's: `count` and that many lines `Name<TAB>photos`
  /// (peopleDevTrain.txt), or `folds` and so many of those parts (people.txt); any other as one
  /// name a line, spaces in names allowed. Throws `DatasetError` where the counts do not agree.
  package static func names(in path: String) throws(DatasetError) -> [String] {
    let lines = try FileReader.lines(of: path)
    guard lines.contains(where: { $0.utf8.contains(UInt8(ascii: "\t")) }) else {
      return lines.map(trimmed).filter { !$0.isEmpty }
    }
    return try counted(lines, path: path)
  }

  private static func counted(
    _ lines: [String], path: String
  ) throws(DatasetError) -> [String] {
    guard let first = lines.first.flatMap({ Int(trimmed($0)) }), first >= 0 else {
      return try lines.enumerated().filter { !trimmed($0.element).isEmpty }
        .map { (offset, line) throws(DatasetError) in try name(in: line, path, offset + 1) }
    }
    let hasFolds = lines.count > 1 && Int(trimmed(lines[1])) != nil
    var names: [String] = []
    var at = hasFolds ? 1 : 0
    for _ in 0..<(hasFolds ? first : 1) {
      guard at < lines.count, let count = Int(trimmed(lines[at])) else {
        throw .badLine(path: path, line: at + 1, reason: "a count of names is expected here")
      }
      at += 1
      guard count >= 0, count <= lines.count - at else {
        throw .badLine(path: path, line: at, reason: "announces \(count) names, fewer follow")
      }
      for line in at..<(at + count) { names.append(try name(in: lines[line], path, line + 1)) }
      at += count
    }
    while at < lines.count {
      guard trimmed(lines[at]).isEmpty else {
        throw .badLine(path: path, line: at + 1, reason: "more names than the counts announce")
      }
      at += 1
    }
    return names
  }

  private static func name(
    in line: String, _ path: String, _ number: Int
  ) throws(DatasetError) -> String {
    let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
    guard fields.count == 2, Int(trimmed(String(fields[1]))) != nil, !fields[0].isEmpty else {
      throw .badLine(path: path, line: number, reason: "is not 'name<TAB>number of photos'")
    }
    return trimmed(String(fields[0]))
  }

  private static func trimmed(_ text: String) -> String { String(LineCells.trimmed(text[...])) }
}
