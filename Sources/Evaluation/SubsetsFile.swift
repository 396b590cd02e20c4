internal import Interchange

/// A file that divides people or photos into subsets: a line `person subset` or `path subset` each,
/// with tabs, commas or spaces between.
///
/// A name means the photo of that path, else every photo below a folder of that name; the innermost
/// folder with a line of its own decides.
package struct SubsetsFile: Sendable {
  /// The subsets, in the order in which the file first names them.
  package let names: [String]
  private let subsets: [String: Int]

  private static let titles: Set<String> = [
    "subset", "subsets", "group", "race", "ethnicity", "gender", "sex", "age", "country",
  ]

  /// Reads the file at `path`; throws `InterchangeError` for a line that is none or says otherwise
  /// than one before it.
  package init(path: String) throws {
    var names: [String] = []
    var places: [String: Int] = [:]
    var subsets: [String: Int] = [:]
    for (index, text) in try TextFile.lines(of: path).enumerated() {
      let fields = PairsLine.fields(text[...])
      guard let subset = fields.last, !fields[0].hasPrefix("#") else { continue }
      guard fields.count > 1 else {
        throw InterchangeError.badLine(
          path: path, line: index + 1, reason: "is not 'person subset' or 'path subset'")
      }
      if index == 0, Self.titles.contains(subset.lowercased()) { continue }
      let name = Self.trimmed(fields.dropLast().joined(separator: " "))
      let place = places[subset] ?? names.count
      if place == names.count {
        names.append(subset)
        places[subset] = place
      }
      if let known = subsets.updateValue(place, forKey: name), known != place {
        throw InterchangeError.badLine(
          path: path, line: index + 1,
          reason: "puts '\(name)' into '\(subset)', a line before it into '\(names[known])'")
      }
    }
    guard !names.isEmpty else {
      throw InterchangeError.malformed(path: path, reason: "it has no line 'person subset'")
    }
    self.names = names
    self.subsets = subsets
  }

  private static func trimmed(_ name: String) -> String {
    var name = name[...]
    while name.hasSuffix("/") { name.removeLast() }
    while name.hasPrefix("./") { name.removeFirst(2) }
    return String(name)
  }

  /// The subset of each of `photos` (paths), an index into `names`; nil where no line says.
  package func subsets(of photos: [String]) -> [Int?] { photos.map(subset) }

  private func subset(of photo: String) -> Int? {
    if let own = subsets[photo] { return own }
    let parts = photo.split(separator: "/").map(String.init)
    for end in stride(from: parts.count - 1, to: 0, by: -1) {
      if let folder = subsets[parts[..<end].joined(separator: "/")] ?? subsets[parts[end - 1]] {
        return folder
      }
    }
    return nil
  }
}
