package import Interchange

/// A file that divides people or photos into subsets: a line `person subset` or `path subset` each,
/// with tabs, commas, semicolons, bars or spaces between; or the other way round.
///
/// Titles in the first line say which columns are which. A name means a photo or a folder of photos
/// as `SubsetNames` has it.
package struct SubsetsFile: Sendable {
  /// A line of the file.
  private struct Row {
    let name: String
    let subset: String
    let line: Int
  }

  private let path: String
  private let rows: [Row]
  /// The rows the other way round; nil where titles say which column is which.
  private let reversed: [Row]?
  /// Which columns were taken, where titles say it.
  private let remark: String?

  /// What a file says of some photos.
  package struct Parts: Sendable {
    /// The subsets, in the order in which the file first names them.
    package let names: [String]
    /// The subset of each photo, an index into `names`; nil where no line says.
    package let subsets: [Int?]
    /// How the file was read, where there is something to say of it.
    package let remark: String?
    /// What the file names, where no line is of any of the photos; nil where one is.
    package let strangers: String?
  }

  /// Reads the file of `table`; throws `InterchangeError` for a line that is none, and where the
  /// columns do not tell.
  package init(_ table: TableColumn) throws {
    path = table.file
    let file = try SubsetLines(path)
    guard let titles = file.titles else {
      guard table.column == nil else {
        throw InterchangeError.badLine(
          path: path, line: file.lines[0].number,
          reason: "has no titles, and so no column '\(table.column ?? "")'")
      }
      let rows = try file.lines.map { try Self.untitled($0, file) }
      self.rows = rows.map { Row(name: $0.front, subset: $0.last, line: $0.line) }
      reversed = rows.map { Row(name: $0.rest, subset: $0.first, line: $0.line) }
      remark = nil
      return
    }
    let (name, subset) = try SubsetTitles(titles.fields).columns(table, line: titles.number)
    rows = try file.lines.map { line in
      guard line.fields.count > max(name, subset) else {
        throw InterchangeError.badLine(
          path: table.file, line: line.number,
          reason: "has \(line.fields.count) cells, the titles \(titles.fields.count)")
      }
      return Row(name: line.fields[name], subset: line.fields[subset], line: line.number)
    }
    reversed = nil
    remark =
      "\(path): names from column '\(titles.fields[name])', subsets from '\(titles.fields[subset])'"
  }

  /// The file at `path`, whose titles say which columns are which, or its two columns.
  package init(path: String) throws { try self.init(TableColumn(path)) }

  /// The cells of a line without titles: all but the last and the last, the first and the rest.
  private static func untitled(
    _ line: SubsetLines.Line, _ file: SubsetLines
  ) throws -> (front: String, last: String, first: String, rest: String, line: Int) {
    let fields = line.fields
    guard fields.count == 2 || fields.count > 2 && file.separator == nil else {
      throw InterchangeError.badLine(
        path: file.path, line: line.number,
        reason: fields.count < 2
          ? "is not 'person subset' or 'path subset'"
          : "has \(fields.count) cells, and nothing says which is the subset; put a line of titles "
            + "before the first, such as 'person,subset'")
    }
    return (
      fields.dropLast().joined(separator: " "), fields[fields.count - 1], fields[0],
      fields.dropFirst().joined(separator: " "), line.number
    )
  }

  /// The subsets of `photos` (paths). Without titles the column that more photos are called by is
  /// that of the names, the first one where both are as good. Throws `InterchangeError` for a line
  /// that says otherwise than one before it, or whose name may be that of several photos.
  package func parts(of photos: [String]) throws -> Parts {
    var names = SubsetNames(photos)
    var (rows, isReversed) = (rows, false)
    if let reversed {
      let (straight, other) = (names.count(rows.map(\.name)), names.count(reversed.map(\.name)))
      if other > straight { (rows, isReversed) = (reversed, true) }
    }
    var subsets: [String] = []
    var places: [String: Int] = [:]
    var known: [SubsetNames.Meaning: (place: Int, line: Int)] = [:]
    for row in rows {
      let place = places[row.subset] ?? subsets.count
      if place == subsets.count {
        subsets.append(row.subset)
        places[row.subset] = place
      }
      let meaning = names.meaning(of: row.name)
      if case .several(let text) = meaning {
        throw InterchangeError.badLine(
          path: path, line: row.line,
          reason: "names '\(row.name)', which may be \(text); give its path")
      }
      if let other = known[meaning], other.place != place {
        throw InterchangeError.badLine(
          path: path, line: row.line,
          reason: "puts '\(row.name)' into '\(row.subset)', line \(other.line) puts it into "
            + "'\(subsets[other.place])'")
      }
      known[meaning] = known[meaning] ?? (place, row.line)
    }
    let found = names.assign(known.mapValues(\.place))
    return Parts(
      names: subsets, subsets: found,
      remark: isReversed ? "\(path): the subset stands before the name" : remark,
      strangers: found.contains { $0 != nil }
        ? nil
        : "no line of '\(path)' is of any photo: it names '\(rows[0].name)'"
          + (photos.first.map { ", the first photo is \($0)" } ?? ""))
  }
}

/// The lines of a file of subsets that say something, in fields.
struct SubsetLines {
  struct Line {
    let number: Int
    let fields: [String]
  }

  let path: String
  /// Nil where white space parts the fields.
  let separator: Character?
  /// The first line, where it has titles.
  private(set) var titles: Line?
  /// The others, of which there is one at least.
  private(set) var lines: [Line]

  /// Reads the file at `path`; throws `InterchangeError`.
  init(_ path: String) throws {
    self.path = path
    let all = try TextFile.lines(of: path)
    let told = all.first.flatMap { SeparatorLine.separator(in: $0.utf8) }
    let texts = all.enumerated().dropFirst(told == nil ? 0 : 1)
      .filter { !$0.element.allSatisfy(\.isWhitespace) && !$0.element.hasPrefix("#") }
    // A mark that few lines have belongs to a name.
    let marks = (told.map { [Character(UnicodeScalar($0))] } ?? []) + ["\t", ",", ";", "|"]
    let separator = marks.first { mark in
      mark != " " && 2 * texts.count { $0.element.contains(mark) } >= texts.count
    }
    self.separator = separator
    lines = texts.map { Line(number: $0.offset + 1, fields: Self.fields($0.element, separator)) }
    if let first = lines.first, SubsetTitles(first.fields).areTitles {
      titles = first
      lines.removeFirst()
    }
    guard !lines.isEmpty else {
      throw InterchangeError.malformed(path: path, reason: "it has no line 'person subset'")
    }
  }

  private static func fields(_ text: String, _ separator: Character?) -> [String] {
    let plain = String(text.map { $0.isWhitespace ? " " : $0 })
    let line = separator == nil ? plain[...] : text[...]
    var fields = LineCells.split(line, separator: separator ?? " ")
    if separator == nil { fields.removeAll(where: \.isEmpty) }
    while fields.count > 2, fields.last?.isEmpty == true { fields.removeLast() }
    return fields
  }
}

/// What the titles above the columns of a file of subsets say.
struct SubsetTitles {
  private let titles: [String]
  private let words: [String]

  /// Words for a part of the people, which say so by themselves.
  private static let parts: Set<String> = [
    "subset", "subsets", "group", "groups", "subgroup", "ethnicgroup", "ethnicity", "race",
    "gender", "sex", "age", "agegroup", "country", "nationality", "region", "continent",
    "skintone", "skintype", "skin", "fitzpatrick", "cohort", "demographic", "demographics",
  ]
  /// Words that may as well be those of a person.
  private static let vague: Set<String> = [
    "label", "labels", "class", "classname", "category", "attribute", "target", "type", "value",
  ]
  private static let persons: Set<String> = [
    "person", "personid", "personname", "people", "identity", "identityid", "id", "subject",
    "subjectid", "folder", "pid", "celebrity", "individual",
  ]

  init(_ titles: [String]) {
    self.titles = titles
    words = titles.map { title in
      String(title.lowercased().filter { $0.isLetter || $0.isNumber })
    }
  }

  private func isName(_ column: Int) -> Bool {
    CSVRows.isNameTitle(titles[column]) || Self.persons.contains(words[column])
  }

  /// Whether these are titles: a word for a part of the people is the last, or a word for a part
  /// stands beside one for a name.
  var areTitles: Bool {
    guard titles.count > 1, !titles.contains(where: PairsLine.isPath) else { return false }
    if Self.parts.contains(words[words.count - 1]) { return true }
    return words.indices.contains {
      Self.parts.contains(words[$0]) || Self.vague.contains(words[$0])
    }
      && titles.indices.contains(where: isName)
  }

  /// The columns of names and of subsets; throws `InterchangeError` where they do not tell, of the
  /// file of `table` on `line`.
  func columns(_ table: TableColumn, line: Int) throws -> (name: Int, subset: Int) {
    func bad(_ reason: String) -> InterchangeError {
      .badLine(path: table.file, line: line, reason: reason)
    }
    func shown(_ columns: some Sequence<Int>) -> String {
      columns.map { "'\(titles[$0])'" }.joined(separator: ", ")
    }
    let names = titles.indices.filter(isName)
    let parts = titles.indices.filter { Self.parts.contains(words[$0]) }
    let vague = titles.indices.filter { Self.vague.contains(words[$0]) }
    let subset: Int
    if table.column != nil {
      guard let place = table.place(among: titles) else {
        throw bad("has no column '\(table.column ?? "")'; its columns are \(shown(titles.indices))")
      }
      subset = place
    } else {
      let candidates = parts.isEmpty ? vague : parts
      guard candidates.count == 1 else {
        throw bad(
          "has several columns that may be the subset, \(shown(candidates)); say which: --subsets "
            + "\(table.file):COLUMN")
      }
      subset = candidates[0]
    }
    let own = CSVRows.ownColumns(titles).filter { $0 != subset }
    guard let name = names.first(where: { own.contains($0) }) ?? own.first else {
      throw bad("has no column of names beside '\(titles[subset])'")
    }
    return (name, subset)
  }
}
