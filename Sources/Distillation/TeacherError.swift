internal import EmbeddingFiles

/// What is wrong with a teacher's stored embeddings, for the photos that train.
package enum TeacherError: Error, Equatable, CustomStringConvertible {
  /// Some photos have no row; `example` is one of them, `name` the first name of the file.
  case missing(path: String, count: Int, photos: Int, example: String, name: String)
  /// A name of the file may mean several photos, or several rows a photo.
  case ambiguous(path: String, photo: String, names: String)
  /// Rows hold no direction: they are not finite, or all 0.
  case withoutDirection(
    path: String, notFinite: Int, zero: Int, photos: Int, example: String, limit: Double)
  /// Some photos have a row of their mirror image and others do not.
  case halfMirrored(path: String, count: Int, photos: Int, example: String)
  /// Names and rows do not go together.
  case names(path: String, names: Int, rows: Int)
  case noNames(path: String, beside: String)
  /// A weight of 0 measures a cosine, which embeddings of different widths have none of.
  case otherWidth(path: String, teacher: Int, own: Int)
  /// Ranks have files of the same path and other numbers.
  case ranksDiffer(path: String, groups: String)

  package var description: String {
    switch self {
    case .missing(let path, let count, let photos, let example, let name):
      "--teacher \(path): \(count) of the \(photos) photos that train have no row in it, such as "
        + "\(example); its first name is '\(name)'; embed the same data by the teacher (ddp-train "
        + "embed), or leave these photos out of --data or --split"
    case .ambiguous(let path, let photo, let names):
      "--teacher \(path): which row is that of \(photo) its names do not say: \(names); give names "
        + "as --data has them"
    case .withoutDirection(let path, let notFinite, let zero, let photos, let example, let limit):
      "--teacher \(path): of the \(photos) photos that train \(notFinite) have rows that are no "
        + "numbers and \(zero) rows of zeros, such as \(example): more than the share of unreadable "
        + "photos, --max-bad \(limit); repair these photos and embed them again, or leave them out"
    case .halfMirrored(let path, let count, let photos, let example):
      "--teacher \(path): \(count) of the \(photos) photos that train have no row of their mirror "
        + "image, such as \(example), and others have; embed all with --mirrored, or none"
    case .names(let path, let names, let rows):
      "--teacher \(path): \(names) names for \(rows) embeddings; it takes one for each"
    case .noNames(let path, let beside):
      "--teacher \(path) has no names in it, and there is no \(beside) with one a line beside it; "
        + "write them there"
    case .otherWidth(let path, let teacher, let own):
      "--teacher \(path): a --teacher-weight of 0 measures the cosine alone, and embeddings of "
        + "\(teacher) and of \(own) numbers have none; give a weight, by which a map between them is "
        + "trained, or --embedding \(teacher)"
    case .ranksDiffer(let path, let groups):
      "--teacher \(path): ranks read other numbers from it: \(groups); give all hosts the same file"
    }
  }
}

extension EmbeddingFileError {
  /// The same of the file of a teacher at `path`; nil where it says so already.
  func asTeacher(path: String, beside: String) -> TeacherError? {
    switch self {
    case .namesAndRows(let names, let rows, _): .names(path: path, names: names, rows: rows)
    case .noNames: .noNames(path: path, beside: beside)
    default: nil
    }
  }
}
