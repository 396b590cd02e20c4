/// How the rows of a list of photos are laid out: told by the first of them together, by the disk
/// and by a line of titles, the same for all.
struct ListLayout: Equatable {
  enum Separator: UInt8, CaseIterable {
    case tab = 0x09
    case space = 0x20
    case comma = 0x2C
    case semicolon = 0x3B
    case bar = 0x7C
  }

  /// What stands between cells; nil where a line is a path.
  let separator: Separator?
  /// The cells of a row.
  let columns: Int
  let photo: Int
  /// The column of the label; nil where people are called by the folders of their photos.
  let label: Int?
  /// The titles of the columns, where the first row has them.
  let titles: [String]?

  /// How many rows are looked at to find the layout.
  static let sampleCount = 64

  /// The photo and the label of a row, nil where it is laid out otherwise. Of two columns that of
  /// the photo may hold separators.
  func parts(of row: [Substring]) -> (photo: Substring, label: Substring?)? {
    var row = row
    while row.count > columns, row.last?.trimmedASCII.isEmpty == true { row.removeLast() }
    if row.count > columns, columns == 2, let separator, separator != .tab {
      let mark = String(UnicodeScalar(separator.rawValue))
      let surplus = row.count - columns
      let joined = row[photo...(photo + surplus)].joined(separator: mark)
      row.replaceSubrange(photo...(photo + surplus), with: [joined[...]])
    }
    // Cells that are missing at the end are empty, where titles say what they would be.
    guard
      row.count == columns
        || titles != nil && row.count < columns && row.count > max(photo, label ?? 0)
    else { return nil }
    let path = Self.unquoted(row[photo].trimmedASCII)
    return (path, label.map { Self.unquoted(row[$0].trimmedASCII) })
  }

  /// Without the quotes around the whole of it, which CSV has already taken away elsewhere.
  private static func unquoted(_ text: Substring) -> Substring {
    guard text.utf8.count > 1, text.utf8.first == 0x22, text.utf8.last == 0x22 else { return text }
    return text.dropFirst().dropLast()
  }

  /// `path label`, in the order of the columns, for a message.
  var form: String {
    var words = [String](repeating: "...", count: columns)
    words[photo] = "path"
    if let label { words[label] = "label" }
    let mark = separator.map { String(UnicodeScalar($0.rawValue)) } ?? " "
    return words.joined(separator: separator == .tab ? " " : mark)
  }

  // MARK: Finding it

  /// A layout that the first rows may have, and how well it fits them.
  struct Candidate {
    var layout: ListLayout
    /// Of how many rows the photo is there.
    var found = 0
    /// Of how many rows the photo ends as photos do.
    var named = 0
    /// Why the label cannot be told.
    var problem: String?
  }

  /// The layout of a list whose first rows are `rows` where they are cut at `separator`, with how
  /// well it fits; nil where they have no such cells. `isThere` tells whether there is a photo of
  /// that path.
  static func candidate(
    _ rows: [[Substring]], _ separator: Separator?, isThere: (Substring) -> Bool
  ) -> Candidate? {
    guard let first = rows.first else { return nil }
    let titles = ColumnTitles(first.map(String.init))
    let isTitled =
      titles.areTitles && !(first.count == 1 && separator != nil) && !first.contains { isThere($0) }
    let body = isTitled ? Array(rows.dropFirst()) : rows
    func scored(_ layout: ListLayout, _ problem: String? = nil) -> Candidate {
      var candidate = Candidate(layout: layout, problem: problem)
      for row in body {
        guard let path = layout.parts(of: row)?.photo else { continue }
        if isThere(path) { candidate.found += 1 }
        if looksLikePhoto(path) { candidate.named += 1 }
      }
      return candidate
    }
    if separator == nil {
      return scored(
        ListLayout(
          separator: nil, columns: 1, photo: 0, label: nil, titles: isTitled ? titles.titles : nil))
    }
    let cells = body.map { trimmed($0) }
    guard let count = isTitled ? first.count : mostCommon(cells.map(\.count)) else { return nil }
    if isTitled { return titled(titles, cells, separator, isThere, scored) }
    var candidates: [Candidate] = []
    let pairs = [(0, 1), (1, 0)].map { photo, label in
      let layout = ListLayout(
        separator: separator, columns: 2, photo: photo, label: label, titles: nil)
      // The cell at the end that the photo has is one there without the others.
      let cut = cells.contains { row in
        let end = photo == 0 ? row.first : row.last
        guard row.count > 2, let path = layout.parts(of: row)?.photo, let end else { return false }
        return !isThere(path) && isThere(end.trimmedASCII)
      }
      return scored(
        layout,
        cut
          ? "begins a list in which labels have several words; part path and label by a tab, or "
            + "put the labels in quotes" : nil)
    }
    if count == 2 || separator != .tab { candidates += pairs }
    if count > 2 {
      let full = cells.filter { $0.count == count }
      for photo in 0..<count {
        let (label, problem) = labelColumn(full, beside: photo, separator)
        candidates.append(
          scored(
            ListLayout(
              separator: separator, columns: count, photo: photo, label: label, titles: nil),
            problem))
      }
    }
    return best(candidates)
  }

  /// The better one of `candidates`, the first of those that are as good.
  static func best(_ candidates: [Candidate]) -> Candidate? {
    var best: Candidate?
    for candidate in candidates {
      guard let known = best else {
        best = candidate
        continue
      }
      if (candidate.found, candidate.named) > (known.found, known.named) { best = candidate }
    }
    return best
  }

  private static func titled(
    _ titles: ColumnTitles, _ cells: [[Substring]], _ separator: Separator?,
    _ isThere: (Substring) -> Bool, _ scored: (ListLayout, String?) -> Candidate
  ) -> Candidate {
    let count = titles.titles.count
    // A name may be that of the file.
    let labels = titles.labelColumns.filter { column in
      !titles.isName(column)
        || 2 * cells.count { $0.count > column && looksLikePhoto($0[column]) } < cells.count
    }
    func found(_ column: Int) -> Int {
      cells.count { $0.count > column && $0.count <= count && isThere($0[column]) }
    }
    var photo = titles.photo ?? (count == 2 ? labels.first.map { 1 - $0 } : nil) ?? 0
    if titles.photo == nil, count > 2 {
      photo = (0..<count).max { found($0) < found($1) } ?? 0
    }
    var label = labels.first { $0 != photo }
    if label == nil, count == 2 { label = 1 - photo }
    var problem: String?
    if label == nil, count > 1 {
      problem =
        "has no column for the label among its titles; call it 'label', 'person' or 'identity'"
        + (titles.hasID ? " ('id' may be that of the photo; call it 'person_id' if it is not)" : "")
    }
    let layout = ListLayout(
      separator: separator, columns: count, photo: photo, label: label, titles: titles.titles)
    let candidate = scored(layout, problem)
    if let label, candidate.found == 0, found(label) > 0 {
      return scored(
        layout,
        "calls column \(label + 1) \(titles.shown(label)), and its cells are the photos; exchange "
          + "the titles")
    }
    return candidate
  }

  /// The column of the label in rows of three and more cells whose photo is in column `photo`, or
  /// why it cannot be told: MXNet's `index label path`, whose indices are all others, InsightFace's
  /// `1<TAB>path<TAB>label`, and columns that count the rows or are empty left aside.
  private static func labelColumn(
    _ rows: [[Substring]], beside photo: Int, _ separator: Separator?
  ) -> (column: Int?, problem: String?) {
    func column(_ place: Int) -> [Substring] { rows.map { $0[place].trimmedASCII } }
    // A first column of 0 and 1, or one of a spreadsheet, may as well be the label.
    func isFlag(_ cells: [Substring]) -> Bool {
      separator == .tab && cells.allSatisfy { $0 == "1" }
    }
    func isIndex(_ cells: [Substring]) -> Bool {
      let numbers = cells.compactMap { Int($0) }
      return numbers.count == cells.count && Set(numbers).count == numbers.count
    }
    func counts(_ cells: [Substring]) -> Bool {
      let numbers = cells.compactMap { Int($0) }
      return numbers.count == cells.count
        && zip(numbers, numbers.dropFirst()).allSatisfy { $1 == $0 + 1 }
    }
    let count = rows.first?.count ?? 0
    let first = column(0)
    if count == 3, photo == 2, isIndex(first) { return (1, nil) }
    if count == 3, photo == 1, isFlag(first) || counts(first) { return (2, nil) }
    let others = (0..<count).filter { place in
      place != photo && !column(place).allSatisfy(\.isEmpty) && !(place == 0 && counts(first))
    }
    if others.count == 1 { return (others[0], nil) }
    return (
      nil,
      "has \(count) cells, and nothing says which is the label; put a line of titles before the "
        + "first, such as path and label, leave the other columns away, or part path and label by "
        + "a tab, or put the label in quotes, where it has spaces in it"
    )
  }

  /// The cells of a row without empty ones behind the second, which a separator at the end makes.
  private static func trimmed(_ row: [Substring]) -> [Substring] {
    var row = row
    while row.count > 2, row.last?.trimmedASCII.isEmpty == true { row.removeLast() }
    return row
  }

  /// The count above 1 that most rows have, the first of them that are as common.
  private static func mostCommon(_ counts: [Int]) -> Int? {
    let several = counts.filter { $0 > 1 }
    let frequency = Dictionary(several.map { ($0, 1) }, uniquingKeysWith: +)
    let most = frequency.values.max()
    return several.first { frequency[$0] == most }
  }

  /// Whether `path` ends as photos do.
  static func looksLikePhoto(_ path: Substring) -> Bool {
    guard let dot = path.lastIndex(of: ".") else { return false }
    let ending = path[path.index(after: dot)...].lowercased()
    return PhotoName.photos.contains(ending)
      || ["bmp", "tif", "tiff", "heic", "gif", "avif"].contains(ending)
  }
}
