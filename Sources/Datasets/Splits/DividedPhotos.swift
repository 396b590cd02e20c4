/// The two parts of a divided data set, and what they have in common.
package struct DividedPhotos: Sendable {
  /// The photos to train on, ascending.
  package let training: [Int]
  /// The photos held out, ascending.
  package let heldOut: [Int]
  /// The class (row of the loss head) of each person, -1 for people without one.
  ///
  /// A closed set with `minPhotos` 0 gives a class to every person, trained or not, as the AI-X
  /// project does; otherwise the training people have one each. Classes follow the people's order.
  package let classOfPerson: [Int]
  /// Classes of the loss head.
  package let classCount: Int
  /// Whether the held-out photos show training people by nature.
  package let isClosedSet: Bool
  /// The number of people with training photos.
  package let trainingPeopleCount: Int
  /// The number of people with held-out photos.
  package let heldOutPeopleCount: Int
  /// The number of people on both sides, and of held-out photos that show them.
  package let sharedPeopleCount: Int
  /// Held-out photos of people who train too.
  package let heldOutPhotosOfTrainingPeople: Int
  /// The people and photos left out of training for having too few photos.
  package let leftOutPeopleCount: Int
  /// Photos of people who are left out of training for having too few.
  package let leftOutPhotoCount: Int
  /// The names of a list that the data set does not have.
  package let absentNames: [String]

  init(
    _ index: PhotoIndex, trains: [Bool], isClosedSet: Bool, minPhotos: Int, absentNames: [String]
  ) throws(DatasetError) {
    let people = index.people.count
    var trainingPhotos = [Int](repeating: 0, count: people)
    var heldOutPhotos = [Int](repeating: 0, count: people)
    for photo in index.photos.indices {
      let person = index.photos.person(of: photo)
      if trains[photo] {
        trainingPhotos[person] += 1
      } else {
        heldOutPhotos[person] += 1
      }
    }
    func isKept(_ person: Int) -> Bool {
      trainingPhotos[person] > 0 && trainingPhotos[person] >= minPhotos
    }
    let kept = (0..<people).filter(isKept)
    guard !kept.isEmpty else {
      throw .emptyTrainingPart(
        reason: "nobody has \(max(minPhotos, 1)) training photos; lower --min-photos")
    }
    guard kept.count > 1 else {
      throw .emptyTrainingPart(
        reason: "only one person (\(index.people[kept[0]])) is left to train on; "
          + "change --split or lower --min-photos")
    }
    let classes = isClosedSet && minPhotos <= 0 ? Array(0..<people) : kept
    var classOfPerson = [Int](repeating: -1, count: people)
    for (label, person) in classes.enumerated() { classOfPerson[person] = label }
    var training: [Int] = []
    training.reserveCapacity(kept.reduce(0) { $0 + trainingPhotos[$1] })
    for photo in index.photos.indices
    where trains[photo] && isKept(index.photos.person(of: photo)) { training.append(photo) }
    self.training = training
    heldOut = index.photos.indices.filter { !trains[$0] }
    self.classOfPerson = classOfPerson
    classCount = classes.count
    self.isClosedSet = isClosedSet
    trainingPeopleCount = kept.count
    heldOutPeopleCount = heldOutPhotos.count { $0 > 0 }
    let shared = kept.filter { heldOutPhotos[$0] > 0 }
    sharedPeopleCount = shared.count
    heldOutPhotosOfTrainingPeople = shared.reduce(0) { $0 + heldOutPhotos[$1] }
    leftOutPeopleCount = trainingPhotos.count { $0 > 0 } - kept.count
    leftOutPhotoCount = trainingPhotos.reduce(0, +) - training.count
    self.absentNames = absentNames
  }

  /// Throws `DatasetError.fewerPhotosThanBatch` where `batch` photos are not to be had.
  package func require(batch: Int) throws(DatasetError) {
    guard training.count >= batch else {
      throw .fewerPhotosThanBatch(photos: training.count, batch: batch)
    }
  }

  /// One line for the log: the parts, and whether people overlap.
  package var summary: String {
    var text =
      "\(training.count) training photos of \(trainingPeopleCount) people, "
      + "\(heldOut.count) held out of \(heldOutPeopleCount)"
    if sharedPeopleCount > 0 {
      text +=
        "; \(isClosedSet ? "closed set: " : "")people overlap: \(sharedPeopleCount), on "
        + "\(heldOutPhotosOfTrainingPeople) held-out photos"
    } else if !heldOut.isEmpty {
      text += "; no person is on both sides"
    }
    if leftOutPeopleCount > 0 {
      text += "; left out for few photos: \(leftOutPeopleCount) people, \(leftOutPhotoCount) photos"
    }
    if !absentNames.isEmpty { text += "; names without a folder: \(absentNames.count)" }
    return text
  }
}
