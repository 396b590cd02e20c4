internal import Foundation

extension SyntheticFaces {
  /// Writes all photos as `person_0001/person_0001_0001.jpg` and so on into the folder `root`.
  ///
  /// The folder is made when it is missing and must be empty otherwise. `progress` is told the
  /// number of photos written after each person. Throws `FolderError`.
  package func writeFolder(
    to root: String, progress: (_ photosWritten: Int) -> Void = { _ in }
  ) throws(FolderError) {
    try Self.prepare(root)
    let artist = SyntheticArtist(self)
    for person in 0..<people {
      try Self.makeFolder(root + "/" + personName(person))
      for photo in 0..<photosPerPerson {
        let path = root + "/" + path(person: person, photo: photo)
        do {
          try Data(artist.jpeg(person: person, photo: photo)).write(to: URL(fileURLWithPath: path))
        } catch {
          throw .unwritable(path: path, reason: error.localizedDescription)
        }
      }
      progress((person + 1) * photosPerPerson)
    }
  }

  private static func prepare(_ root: String) throws(FolderError) {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: root, isDirectory: &isFolder) else {
      try makeFolder(root)
      return
    }
    guard isFolder.boolValue else { throw .notAFolder(path: root) }
    let contents: [String]
    do {
      contents = try FileManager.default.contentsOfDirectory(atPath: root)
    } catch {
      throw .unwritable(path: root, reason: error.localizedDescription)
    }
    guard contents.isEmpty else { throw .notEmpty(path: root) }
  }

  private static func makeFolder(_ path: String) throws(FolderError) {
    do {
      try FileManager.default.createDirectory(
        atPath: path, withIntermediateDirectories: true)
    } catch {
      throw .unwritable(path: path, reason: error.localizedDescription)
    }
  }
}
