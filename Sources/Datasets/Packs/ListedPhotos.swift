private import Interchange
internal import Threads

/// Photos that a file names: a list of paths and labels (`ListLayout`), or the `metadata.csv` or
/// `metadata.jsonl` of Hugging Face's imagefolder.
///
/// Paths are relative to the folder of the file; photos are ordered by the bytes of their paths, as
/// those of an image folder are.
struct ListedPhotos: PhotoSource {
  let index: PhotoIndex
  let labels: [Int]?
  private let root: String
  /// The photos' paths as they are named, sorted bytewise.
  let paths: TextTable

  /// The columns of metadata that may hold the label, the more telling first.
  static let labelColumns = ["label", "person", "identity", "class", "name"]

  /// Reads the list at `path`; throws `DatasetError`. `meter` counts photos as they are found.
  init(list path: String, meter: WorkMeter? = nil) throws(DatasetError) {
    var lines = Lines()
    var layout: ListLayout?
    let root = Self.folder(of: path)
    func isThere(_ photo: String) -> Bool { FileReader.exists(Self.absolute(photo, root)) }
    try LineReader.forEach(path) { (bytes, number) throws(DatasetError) in
      guard let text = String(validating: bytes, as: UTF8.self) else {
        throw .badLine(path: path, line: number, reason: "is not UTF-8 text")
      }
      let line = text[...].trimmed
      if line.isEmpty { return }
      if layout == nil, ListLayout.isHeader(line), !isThere(String(line)) { return }
      let known = layout ?? ListLayout(of: line, isThere: isThere)
      let parts = known?.parts(of: line)
      if line.first == "#", parts.map({ !isThere(String($0.path)) }) ?? true { return }
      guard let known, let parts else {
        let form = layout.map { "'\($0.order.rawValue)' as the lines before it" } ?? "'path label'"
        throw .badLine(path: path, line: number, reason: "is not \(form)")
      }
      layout = known
      try lines.append(String(parts.path), String(parts.label), path, number)
      meter?.add()
    }
    try self.init(lines, root: root, file: path)
  }

  /// Reads `metadata.csv` or `metadata.jsonl` files in folders that are `parts` ("" for itself) of
  /// `root`; throws `DatasetError`. `meter` counts photos as they are found.
  init(
    metadata files: [(part: String, name: String)], in root: String, meter: WorkMeter? = nil
  ) throws(DatasetError) {
    var lines = Lines()
    for (part, name) in files {
      let path = root + "/" + (part.isEmpty ? "" : part + "/") + name
      func append(
        _ name: String?, _ label: String?, _ line: Int
      ) throws(DatasetError) {
        guard let name, let label else {
          throw .badLine(
            path: path, line: line,
            reason: "has no \(name == nil ? "file_name" : "label"); a label is called "
              + Self.labelColumns.joined(separator: ", "))
        }
        guard !name.hasPrefix("/"), !name.hasPrefix("~/"),
          !name.split(separator: "/").contains("..")
        else {
          throw .badLine(path: path, line: line, reason: "file_name \(name) leaves the folder")
        }
        try lines.append((part.isEmpty ? "" : part + "/") + name, label, path, line)
        meter?.add()
      }
      if name.hasSuffix(".csv") {
        try Self.readCSV(path, append)
      } else {
        // The first line decides for all: one person must not be called by two columns.
        var column: String?
        try LineReader.forEach(path) { (line, number) throws(DatasetError) in
          if line.allSatisfy({ $0 == 0x20 }) { return }
          guard let fields = JSONFields(Array(line)) else {
            throw .badLine(path: path, line: number, reason: "is no JSON object")
          }
          column = column ?? Self.labelColumns.first { fields[$0] != nil }
          try append(fields["file_name"], column.flatMap { fields[$0] }, number)
        }
      }
    }
    try self.init(lines, root: root, file: root)
  }

  private static func readCSV(
    _ path: String, _ append: (String?, String?, Int) throws(DatasetError) -> Void
  ) throws(DatasetError) {
    var columns: (name: Int, label: Int)?
    var rows: CSVRows
    do {
      rows = try CSVRows(path: path)
    } catch {
      throw DatasetError(error, path: path)
    }
    while true {
      let number = rows.line
      let row: [String]?
      do {
        row = try rows.next()
      } catch {
        throw DatasetError(error, path: path)
      }
      guard let row else { return }
      guard let (name, label) = columns else {
        let titles = row.map { $0[...].trimmed.lowercased() }
        guard let name = titles.firstIndex(of: "file_name"),
          let label = labelColumns.lazy.compactMap({ titles.firstIndex(of: $0) }).first
        else {
          throw .badLine(
            path: path, line: 1,
            reason: "has no columns file_name and label; a label is called "
              + labelColumns.joined(separator: ", "))
        }
        columns = (name, label)
        continue
      }
      if row == [""] { continue }
      try append(
        name < row.count ? row[name] : nil, label < row.count ? row[label] : nil, number)
    }
  }

  private init(_ lines: Lines, root: String, file: String) throws(DatasetError) {
    guard lines.paths.count > 0 else { throw .unusable(path: file, reason: "names no photos") }
    let unsorted = lines.paths
    let order = (0..<unsorted.count).sorted {
      unsorted.slice($0).lexicographicallyPrecedes(unsorted.slice($1))
    }
    let known = lines.labels.people()
    var sorted = TextTable(reservingFor: unsorted)
    for photo in order { sorted.append(unsorted.slice(photo)) }
    for photo in 1..<max(1, sorted.count) where sorted.slice(photo) == sorted.slice(photo - 1) {
      throw .unusable(
        path: file, reason: "names \(sorted[photo]) twice; leave one of the lines")
    }
    var people = LabelledPeople(
      people: order.map { known.people[$0] }, names: known.names, labels: known.labels)
    people.takeNames(fromFoldersOf: sorted)
    let paths = sorted
    let first = Self.absolute(paths[0], root)
    guard FileReader.exists(first) else {
      let isOfWindows = first.contains("\\") && !first.dropFirst(root.count + 1).contains("/")
      throw .unusable(
        path: file,
        reason: "names \(first), which is not there; "
          + (isOfWindows
            ? "write / in the place of \\" : "paths are absolute, or relative to \(root)"))
    }
    self.root = root
    self.paths = paths
    labels = people.labels
    index = PhotoIndex(
      photos: PhotoList(people: people.people) { paths[$0] }, people: people.names)
  }

  var count: Int { paths.count }
  func name(of photo: Int) -> String { paths[photo] }

  func read(_ photo: Int, into buffer: ByteBuffer) throws(ImageError) {
    try FileReader.read(Self.absolute(paths[photo], root), into: buffer)
  }

  func byteCount(of photo: Int) -> Int? {
    FileReader.byteCount(of: Self.absolute(paths[photo], root))
  }

  private static func absolute(_ path: String, _ root: String) -> String {
    UserPath.inList(path, below: root)
  }

  private static func folder(of path: String) -> String {
    path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
  }

  private struct Lines {
    var paths = TextTable()
    var labels = PhotoLabels()

    mutating func append(
      _ path: String, _ label: String, _ file: String, _ line: Int
    ) throws(DatasetError) {
      let path = path[...].trimmed
      let label = label[...].trimmed
      guard !path.isEmpty, !label.isEmpty else {
        throw .badLine(
          path: file, line: line, reason: "has an empty \(path.isEmpty ? "path" : "label")")
      }
      paths.append((path.hasPrefix("./") ? path.dropFirst(2) : path).utf8)
      labels.append(String(label))
    }
  }
}
