/// What the titles above the columns of a list or of metadata say of them.
struct ColumnTitles {
  /// The titles as they stand in the file.
  let titles: [String]
  private let words: [String]

  init(_ titles: [String]) {
    self.titles = titles.map { String($0[...].trimmedASCII) }
    words = self.titles.map { title in
      String(title.lowercased().filter { !"_- .".contains($0) })
    }
  }

  /// Titles of the column of photos, the more telling first.
  private static let photos = [
    "filename", "filepath", "imagepath", "imgpath", "imagefile", "imagefilename", "imagename",
    "imgname", "photopath", "photofile", "relativepath", "relpath", "path", "paths", "file",
    "files", "imageid", "image", "images", "img", "photo", "photoid", "photos", "picture",
  ]

  /// Titles of the column of labels, the more telling first.
  private static let labels = [
    "label", "labels", "labelid", "person", "personid", "personname", "identity", "identityid",
    "identityname", "idname", "subject", "subjectid", "subjectname", "class", "classid",
    "classname", "pid", "celebrity", "celebrityid", "individual", "individualid", "target", "name",
  ]

  /// Titles of columns that are neither, or either.
  private static let others: Set<String> = ["", "id", "index", "unnamed:0", "split", "flag", "#"]

  /// The column of photos; nil where no title is a word for it.
  var photo: Int? { Self.photos.lazy.compactMap { words.firstIndex(of: $0) }.first }

  /// The columns whose titles are words for the label, the more telling first.
  var labelColumns: [Int] { Self.labels.compactMap { words.firstIndex(of: $0) } }

  /// Whether column `column` is called `name`, which may be the photo's.
  func isName(_ column: Int) -> Bool { words[column] == "name" }

  /// Whether a column is called `id`, which may be the photo's or the person's.
  var hasID: Bool { words.contains("id") }

  /// Whether there is nothing here but words for columns.
  var areAllKnown: Bool {
    words.contains { Self.photos.contains($0) || Self.labels.contains($0) }
      && words.allSatisfy {
        Self.photos.contains($0) || Self.labels.contains($0) || Self.others.contains($0)
      }
  }

  /// Whether a photo's column and a label's are here, or nothing but words for columns.
  var areTitles: Bool { areAllKnown || photo != nil && !labelColumns.isEmpty }

  /// The title of column `column` for a message: `'label'`, or its number where it has no title.
  func shown(_ column: Int) -> String {
    column < titles.count && !titles[column].isEmpty ? "'\(titles[column])'" : "\(column + 1)"
  }

  /// What is said of the columns that were taken, and of those that were not.
  func remark(file: String, photo: Int, label: Int?) -> String {
    let rest = titles.indices.filter { $0 != photo && $0 != label && !words[$0].isEmpty }
    let person = label.map { "labels from column \(shown($0))" } ?? "people by the photos' folders"
    let unused = rest.isEmpty ? "" : "; not used: " + rest.map(shown).joined(separator: ", ")
    return "\(file): photos from column \(shown(photo)), \(person)\(unused)"
  }

  /// A warning where more columns than `label` could be the label; nil where none could.
  func doubt(file: String, label: Int) -> String? {
    // A class may be all sorts of things, and `id` the person's then.
    let isVague = ["class", "classid", "classname", "target", "name"].contains(words[label])
    let ids = words.indices.filter { isVague && words[$0] == "id" }
    let others = labelColumns.filter { $0 != label } + ids
    guard !others.isEmpty else { return nil }
    return "\(file): column \(shown(label)) is taken for the label, and "
      + others.map(shown).joined(separator: ", ") + (others.count == 1 ? " is" : " are")
      + " not; if another one says who is on a photo, rename or remove this one"
  }
}
