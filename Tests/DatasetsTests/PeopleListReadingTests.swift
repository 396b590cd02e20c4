import Datasets
import Foundation
import Testing

@Suite struct PeopleListReadingTests {
  /// How many photos train of people a, b and c, with one photo each, by a list of these lines; or
  /// what is wrong.
  private func outcome(_ lines: [String]) throws -> String {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: folder) }
    for person in ["a", "b 1", "c"] {
      let path = folder.appendingPathComponent("photos/\(person)")
      try FileManager.default.createDirectory(at: path, withIntermediateDirectories: true)
      try Data([0xFF, 0xD8]).write(to: path.appendingPathComponent("1.jpg"))
    }
    let list = folder.appendingPathComponent("people.txt")
    try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: list)
    do {
      let index = try PhotoSet(path: folder.appendingPathComponent("photos").path).index
      let split = DataSplit.people(file: list.path)
      return "\(try split.divide(index).training.count)"
    } catch {
      return "\(error)"
    }
  }

  @Test func slashesAndNumbersOfPhotosAreNoPartsOfNames() throws {
    #expect(try outcome(["a/", "c"]) == "2")
    #expect(try outcome(["a,8", "c"]) == "2")
    #expect(try outcome(["a 8", "c, 3"]) == "2")
    #expect(try outcome(["name,photos", "a,8", "c,1"]) == "2")
  }

  @Test func aFolderThatEndsInANumberIsItself() throws {
    #expect(try outcome(["b 1", "c"]) == "2")
    #expect(try outcome(["b 1 1", "a"]) == "2")
  }

  @Test func theFirstNameIsShownWhereNobodyIsFound() throws {
    #expect(try outcome(["zoe,8", "yan"]).contains("the first line names 'zoe,8'"))
  }
}
