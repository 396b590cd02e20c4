import Datasets
import Foundation
import Testing

@Suite struct SplitTests {
  /// Person i of 20 has i % 4 + 1 photos: 50 in all.
  private let index: PhotoIndex = {
    let names = (0..<20).map { "Person_\($0 < 10 ? "0" : "")\($0)" }
    let photos = (0..<20).flatMap { person in
      (0...(person % 4)).map { Photo(path: "\(names[person])/\($0).jpg", person: person) }
    }
    return PhotoIndex(photos: photos, people: names)
  }()

  private func people(_ photos: [Int]) -> Set<Int> { Set(photos.map { index.photos[$0].person }) }

  @Test func photoSplitsCountPhotosAndAreClosedSets() throws {
    let first = try DataSplit.first(photos: 30).divide(index)
    #expect(first.training == Array(0..<30) && first.heldOut == Array(30..<50))
    #expect(first.isClosedSet && first.classCount == 20)
    let random = try DataSplit.random(photos: 30).divide(index, seed: 7)
    #expect(random.training.count == 30 && random.heldOut.count == 20)
    #expect(Set(random.training + random.heldOut) == Set(0..<50))
    #expect(random.training == random.training.sorted() && random.training != Array(0..<30))
    #expect(try DataSplit.random(photos: 30).divide(index, seed: 7).training == random.training)
    #expect(try DataSplit.random(photos: 30).divide(index, seed: 8).training != random.training)
    let shared = people(random.training).intersection(people(random.heldOut))
    #expect(random.sharedPeopleCount == shared.count && shared.count > 3)
    let held = random.heldOut.filter { shared.contains(index.photos[$0].person) }
    #expect(random.heldOutPhotosOfTrainingPeople == held.count)
    #expect(random.summary.contains("closed set: people overlap: \(shared.count)"))
    #expect(throws: DatasetError.self) { try DataSplit.random(photos: 50).divide(index) }
  }

  @Test func peopleSplitsSeparatePeople() throws {
    let split = DataSplit.peopleRandom(fraction: 0.75)
    let divided = try split.divide(index, seed: 3)
    #expect(people(divided.training).count == 15 && divided.trainingPeopleCount == 15)
    #expect(people(divided.training).isDisjoint(with: people(divided.heldOut)))
    #expect(divided.training.count + divided.heldOut.count == 50)
    #expect(!divided.isClosedSet && divided.sharedPeopleCount == 0 && divided.classCount == 15)
    #expect(try split.divide(index, seed: 4).training != divided.training)
    let classes = divided.classOfPerson.filter { $0 >= 0 }
    #expect(classes == Array(0..<15))
    #expect(divided.summary.contains("no person is on both sides"))
  }

  @Test func peopleWithFewPhotosAreLeftOut() throws {
    let divided = try DataSplit.all.divide(index, minPhotos: 3)
    #expect(divided.trainingPeopleCount == 10 && divided.classCount == 10)
    #expect(divided.training.count == 35)
    #expect(divided.leftOutPeopleCount == 10 && divided.leftOutPhotoCount == 15)
    #expect(divided.training.allSatisfy { divided.classOfPerson[index.photos[$0].person] >= 0 })
    let closed = try DataSplit.first(photos: 40).divide(index, minPhotos: 3)
    #expect(closed.heldOut == Array(40..<50) && closed.classCount < 10)
    #expect(throws: DatasetError.self) { try DataSplit.all.divide(index, minPhotos: 9) }
  }

  @Test(
    arguments: [
      "3\nPerson_03\t4\nPerson_05\t2\nNobody_Known\t1\n",
      "2\n1\nPerson_03\t4\n2\nNobody_Known\t1\nPerson_05\t2\n",
      "Person_03\nNobody_Known\r\n\nPerson_05",
      "Person_03\t4\nNobody_Known\t1\nPerson_05\t2\n",
    ])
  func peopleFilesOfAllForms(text: String) throws {
    let disk = TemporaryFolder()
    let list = disk.write("list.txt", text)
    let divided = try DataSplit.people(file: list).divide(index)
    #expect(people(divided.training) == [3, 5])
    #expect(divided.absentNames == ["Nobody_Known"])
    #expect(divided.training.count == 6 && divided.heldOut.count == 44)
  }

  @Test(
    arguments: [
      "4\nPerson_03\t4\n", "1\nPerson_03\t4\nPerson_05\t2\n", "1\nPerson_03 4\t\n",
      "2\n1\nPerson_03\t4\n", "Nobody_Known\n", "2\n1\nPerson_03\t4\nPerson_05\t2\n",
    ])
  func wrongPeopleFilesAreRefused(text: String) throws {
    let disk = TemporaryFolder()
    let list = disk.write("list.txt", text)
    #expect(throws: DatasetError.self) { try DataSplit.people(file: list).divide(index) }
  }

  @Test func plainListsMayHoldNumbersAndNestedFolders() throws {
    let disk = TemporaryFolder()
    #expect(
      try PeopleList.names(in: disk.write("l", "0000045\n0000099\nAnn Lee\n"))
        == ["0000045", "0000099", "Ann Lee"])
    let nested = PhotoIndex(
      photos: (0..<6).map { Photo(path: "x", person: $0 / 2) },
      people: ["lfw/Ann", "lfw/Bob", "lfw/Cy"])
    let divided = try DataSplit.people(file: disk.write("m", "Ann\nlfw/Bob\n")).divide(nested)
    #expect(divided.training == [0, 1, 2, 3])
  }
}
