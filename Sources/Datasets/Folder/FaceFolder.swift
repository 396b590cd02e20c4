package import Threads

/// One photo of a data set.
package struct Photo: Sendable {
  /// Where it is, relative to the root of the data set.
  package var path: String
  /// The index of its person in the data set's list of people.
  package var person: Int

  /// The photo at `path` of the person with that index.
  package init(path: String, person: Int) {
    self.path = path
    self.person = person
  }
}

/// A list of photos and of the people on them.
package struct PhotoIndex: Sendable {
  /// The photos: in the order of their paths, or of the pack that holds them.
  package let photos: PhotoList
  /// The names of the people: sorted bytewise, or by the numbers that a pack calls them by.
  package let people: [String]

  /// An index of `photos`, whose people are indices into `people`.
  package init(photos: [Photo], people: [String]) {
    self.init(photos: PhotoList(photos), people: people)
  }

  /// The same of a list that need not be in memory.
  package init(photos: PhotoList, people: [String]) {
    self.photos = photos
    self.people = people
  }

  /// Throws `DatasetError.onlyOnePerson` of the data called `name` where there is nobody to tell
  /// apart.
  package func requireSeveralPeople(in name: String) throws(DatasetError) {
    guard people.count > 1 else { throw .onlyOnePerson(folder: name, person: people[0]) }
  }

  /// A warning where nearly all of ten and more people have one photo, from which nobody learns
  /// what photos of a person have in common; nil where they have more.
  package var lonePhotosWarning: String? {
    let counts = photosPerPerson
    let lone = counts.count { $0 == 1 }
    guard counts.count >= 10, 10 * lone >= 9 * counts.count else { return nil }
    let example = counts.firstIndex(of: 1).map { people[$0] } ?? ""
    return
      "\(lone) of \(counts.count) people have one photo, such as '\(example)': nothing can be "
      + "learnt of what photos of a person have in common; look whether the labels say who is on a "
      + "photo, and are not its name, its caption or its number"
  }

  /// The number of photos of each person.
  package var photosPerPerson: [Int] {
    var counts = [Int](repeating: 0, count: people.count)
    for photo in photos.indices { counts[photos.person(of: photo)] += 1 }
    return counts
  }
}

/// An image folder, `person/photo.jpg` at any depth.
///
/// A person is a folder that directly holds photos, named by its path relative to the root; photos
/// are files that end as JPEG, PNG and WebP do, in any case, and files of other or no endings whose
/// first bytes are of one of these (`PhotoName`). They are ordered by the bytes of their relative
/// paths, whatever the file system's own order. Symbolic links are followed, cycles are not; names
/// that begin with a dot are hidden. What is passed over is counted in `notes`.
package struct FaceFolder: Sendable {
  /// The folder, as it was given.
  package let root: String
  /// Its photos and people.
  package let index: PhotoIndex
  /// What is passed over, and what is most likely not meant.
  package let notes: DataNotes

  /// In the order of their paths.
  package var photos: PhotoList { index.photos }
  /// The folders with photos right in them.
  package var people: [String] { index.people }

  /// Lists the folder at `root`; throws `DatasetError` for a folder that is missing, unreadable or
  /// without photos. The files at the paths `used` have another use than being photos, so that
  /// nothing is said of them; `meter` counts photos as they are found.
  package init(
    root: String, besides used: [String] = [], meter: WorkMeter? = nil
  ) throws(DatasetError) {
    try self.init(root: root, besides: used, meter: meter, for: .data)
  }

  /// The same for a task, which calls people by their folders and takes photos right in the folder
  /// for those of nobody.
  package init(
    ofTask root: String, besides used: [String] = [], meter: WorkMeter? = nil
  ) throws(DatasetError) {
    try self.init(root: root, besides: used, meter: meter, for: .task)
  }

  init(
    root: String, besides used: [String], meter: WorkMeter?, for use: FolderUse
  ) throws(DatasetError) {
    self.root = root
    try UnfinishedFolder.check(root)
    var walk = FolderWalk(root: root, besides: used, meter: meter)
    try walk.run()
    guard walk.photos.count > 0 else {
      throw .noPhotos(folder: root, passedOver: walk.passedOver.lines.first)
    }
    index = walk.makeIndex()
    notes = FolderNotes.of(walk, index, for: use)
  }
}
