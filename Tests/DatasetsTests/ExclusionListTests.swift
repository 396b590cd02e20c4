import Datasets
import Foundation
import Testing

/// What a list of photos and people to leave out makes of data.
@Suite struct ExclusionListTests {
  private static let index = PhotoIndex(
    photos: [
      ("ann/1.jpg", 0), ("ann/2.jpg", 0), ("ann/3.jpg", 0), ("bob/1.jpg", 1), ("bob/2.jpg", 1),
      ("cy/1.jpg", 2), ("dee/1.jpg", 3),
    ].map { Photo(path: $0, person: $1) }, people: ["ann", "bob", "cy", "dee"])

  private func outcome(
    _ text: String, _ index: PhotoIndex = Self.index
  ) throws -> ExclusionList.Outcome {
    let path = NSTemporaryDirectory() + "exclusion-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: path) }
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    return try ExclusionList(path: path).apply(to: index, data: "photos")
  }

  private func complaint(_ text: String) -> String {
    do {
      return "kept \(try outcome(text).kept)"
    } catch { return "\(error)" }
  }

  /// `path=person` of every photo that stays.
  private func text(_ outcome: ExclusionList.Outcome) -> [String] {
    outcome.index.photos.map { "\($0.path)=\(outcome.index.people[$0.person])" }
  }

  @Test(arguments: [
    "ann/2.jpg\ncy/\n", "cy\nann/2.jpg\tdrop\tstranger, cosine 0.1\n", "ann/2\r\ncy\t\r\n",
    "# a list\n\n./ann/2.jpg\tdrop\ncy/\tdrop", "ann\\2.jpg\ncy",
  ])
  func photosAndPeopleAreLeftOut(list: String) throws {
    let left = try outcome(list)
    #expect(left.kept == [0, 2, 3, 4, 6])
    #expect(left.index.people == ["ann", "bob", "dee"] && left.people == [0, 1, 3])
    #expect(
      text(left) == [
        "ann/1.jpg=ann", "ann/3.jpg=ann", "bob/1.jpg=bob", "bob/2.jpg=bob", "dee/1.jpg=dee",
      ])
    #expect(left.remark.hasSuffix(": 2 of 7 photos are left out; 5 photos of 3 people stay, of 4"))
    #expect(left.warning == nil)
  }

  @Test func peopleAreTakenForOthers() throws {
    // One after the other; a photo by itself; what is left out counts whatever else is said of it.
    let left = try outcome("dee/\t=cy\ncy/\t=ann/\nbob/1.jpg\t=dee\nann/3.jpg\t=bob\nann/3.jpg\n")
    #expect(
      text(left) == [
        "ann/1.jpg=ann", "ann/2.jpg=ann", "bob/1.jpg=ann", "bob/2.jpg=bob", "cy/1.jpg=ann",
        "dee/1.jpg=ann",
      ])
    #expect(left.remark.contains("3 are taken for those of somebody else"))
    // The name stays although the person's own photos go.
    let named = try outcome("ann/\nbob\t=ann\n")
    #expect(text(named).prefix(2) == ["bob/1.jpg=ann", "bob/2.jpg=ann"])
  }

  @Test func whatNamesNothingIsToldAndAListOfNothingElseRefused() throws {
    let left = try outcome("ann/1.jpg\neve/\nfay/3.jpg\nbob/\t=gil\n")
    #expect(left.kept == [1, 2, 3, 4, 5, 6])
    #expect(
      left.warning?.hasSuffix("3 of its 4 lines name nobody and no photo of photos, such as 'gil'")
        == true)
    #expect(
      complaint("eve/\nfay/3.jpg\n").hasSuffix(
        "none of its 2 names is in photos, the first is 'eve/'; give photos and people as the data "
          + "call them"))
    #expect(complaint("ann\nbob\ncy\ndee\n").contains("leaves no photo of photos"))
    #expect(try outcome("").kept.count == 7)
  }

  @Test(arguments: [
    ("ann/1.jpg\tkeep\n", "line 1: says 'keep' of 'ann/1.jpg'; behind a name stands nothing"),
    ("ann/1.jpg\nbob\t=\n", "line 2: says '=' of 'bob'"), ("\tdrop\n", "line 1: has no name"),
    ("1.jpg\n", "'1.jpg' may be ann/1.jpg, bob/1.jpg, cy/1.jpg and 1 more; give the whole path"),
    ("ann\t=bob\nbob\t=ann\n", "makes 'ann' somebody who is in turn taken for him"),
  ])
  func aBadLineIsNamed(list: String, message: String) {
    #expect(complaint(list).contains(message), "\(complaint(list))")
  }

  @Test func peopleOfNumbersKeepTheirLabels() throws {
    let folder = NSTemporaryDirectory() + "exclusion-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true)
    for name in ["a", "b", "c", "d"] {
      try Data("x".utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name).jpg"))
    }
    try "a.jpg 3\nb.jpg 5\nc.jpg 5\nd.jpg 8\n".write(
      toFile: folder + "/list.txt", atomically: true, encoding: .utf8)
    try "5\t=8\na.jpg\n".write(
      toFile: folder + "/drop.txt", atomically: true, encoding: .utf8)
    let set = try PhotoSet(path: folder + "/list.txt").excluding(
      folder + "/drop.txt", data: "list.txt")
    #expect(set.index.people == ["8"] && set.labels == [8])
    #expect(set.source.count == 3 && set.source.name(of: 0).hasSuffix("b.jpg"))
    #expect(set.notes.remarks.contains { $0.contains("1 of 4 photos are left out") })
  }
}
