private import Interchange

extension SyntheticFaces {
  /// Writes all photos as `person_0001/person_0001_0001.jpg` and so on into the folder `root`.
  ///
  /// The folder is made when it is missing and must be empty otherwise. `progress` is told the
  /// number of photos written after each person. Throws `FolderError` for a folder that holds
  /// something, and `InterchangeError`.
  package func writeFolder(
    to root: String, progress: (_ photosWritten: Int) -> Void = { _ in }
  ) throws {
    try UnfinishedFolder.begin(root, command: "synthesize")
    let artist = SyntheticArtist(self)
    for person in 0..<people {
      try Folders.make(root + "/" + personName(person))
      for photo in 0..<photosPerPerson {
        // Thousands of syncs would take longer than the drawing, and it can be done again.
        try BytesFile.write(
          artist.jpeg(person: person, photo: photo),
          to: root + "/" + path(person: person, photo: photo), syncing: false)
      }
      progress((person + 1) * photosPerPerson)
    }
    try UnfinishedFolder.end(root)
  }
}
