internal import Datasets
private import Foundation
internal import Interchange

/// Who is on photos that `align` writes, where their folders do not say it, as of a list, metadata
/// or a pack: `metadata.csv` beside them, as Hugging Face's imagefolder has it, which `--data`
/// reads.
struct AlignedLabels: Sendable {
  static let name = "metadata.csv"

  private let index: PhotoIndex
  /// Whether folders would say otherwise than the data.
  let areNeeded: Bool

  /// For the photos of `index`, which go to `targets`.
  init(_ index: PhotoIndex, targets: [String]) {
    self.index = index
    areNeeded = zip(index.photos, targets).contains { photo, target in
      let folder = FaceAligner.folder(target)
      // Not by ==, to which names that Unicode composes in two ways are one.
      return !index.people[photo.person].utf8.elementsEqual((folder.isEmpty ? "." : folder).utf8)
    }
  }

  /// The line of a face of `photo` that was written to `target`.
  func line(_ photo: Int, target: String) -> String {
    let person = index.people[index.photos.person(of: photo)]
    return "\(CSVTable.quoted(target)),\(CSVTable.quoted(person))"
  }

  /// Writes `lines` to the folder `out`, sorted by their photos, and returns what to say of it.
  func write(_ lines: [String], to out: String) throws -> String {
    let path = "\(out)/\(Self.name)"
    let sorted = lines.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    try TextFile.write((["file_name,label"] + sorted).joined(separator: "\n") + "\n", to: path)
    return "who is on them stands in \(path), which --data \(out) reads"
  }

  /// Removes those of `folders` below `out` that have got no photo.
  static func removeEmpty(_ folders: [String], in out: String) {
    // The folders in a folder before it.
    for folder in folders.sorted(by: { $0.utf8.count > $1.utf8.count }) {
      var place = folder
      while !place.isEmpty, rmdir("\(out)/\(place)") == 0 { place = FaceAligner.folder(place) }
    }
  }
}
