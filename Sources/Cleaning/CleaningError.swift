/// What makes it impossible to look at stored embeddings.
enum CleaningError: Error, CustomStringConvertible {
  case noPeople(path: String, name: String)
  case noRows(path: String, photos: Int, example: String, name: String)
  case ambiguous(path: String, photo: String, names: String)
  case noCentres(path: String, people: Int, example: String)
  case notOfOneWidth(path: String, width: Int, other: String, otherWidth: Int)
  case collapsed(path: String, warning: String)
  case unnamed(path: String, beside: String)
  case isFolder(path: String)
  case unwritableName(String)

  var description: String {
    switch self {
    case .noPeople(let path, let name):
      "\(path): '\(name)' stands in no folder, so that nothing says who is on it; give the photos too: "
        + "ddp-train check DATA --embeddings \(path)"
    case .noRows(let path, let photos, let example, let name):
      "\(path) has a row of none of the \(photos) photos, such as \(example); its first name is "
        + "'\(name)'; embed the same data (ddp-train embed)"
    case .ambiguous(let path, let photo, let names):
      "\(path): which row is that of \(photo) its names do not say: \(names); give names as the data "
        + "have them"
    case .noCentres(let path, let people, let example):
      "\(path) has no centres of any of the \(people) people, such as \(example), by name; give the "
        + "photos that it was trained on"
    case .notOfOneWidth(let path, let width, let other, let otherWidth):
      "\(path) has embeddings of \(width) numbers, \(other) of \(otherWidth); embed both by one "
        + "network"
    case .collapsed(let path, let warning): "\(path): \(warning); nobody can be told apart by them"
    case .unnamed(let path, let beside):
      "\(path) has no names in it, and there is no \(beside) with one a line beside it; write them "
        + "there, or give --names"
    case .isFolder(let path):
      "\(path) is a folder; write embeddings first, on as many ranks as there are: ddp-train embed "
        + "\(path) --data DATA --out faces.npy; or give the photos too: ddp-train check DATA "
        + "--embeddings \(path)"
    case .unwritableName(let name):
      "'\(name.split(whereSeparator: \.isNewline).joined(separator: "\\n"))' begins with # or has a tab "
        + "or a line end in it, which --exclude takes for something else; rename it"
    }
  }
}
