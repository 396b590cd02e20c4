import DataTools
import Datasets
import Foundation
import Interchange
import RunSupport
import TestSupport
import Testing

/// Who is on photos stays known when `align` has written them.
@Suite final class AlignedPeopleTests {
  private let root = SmallRun.temporaryFolder()
  private let points = "55 70 100 72 78 95 60 118 96 119"

  deinit { try? FileManager.default.removeItem(atPath: root) }

  /// Photos of two sessions, of people whom a list names: one with a comma, one as a number.
  private func writePhotos() throws -> (photos: [String], labels: [String]) {
    try SyntheticFaces(people: 2, photosPerPerson: 3, size: 160, seed: 5)
      .writeFolder(to: root + "/photos")
    let photos = try PhotoSet(path: root + "/photos").index.photos.map(\.path)
    let labels = photos.indices.map { ["Ann, the first", "007", "Zoe\u{308}"][$0 % 3] }
    try zip(photos, labels).map { "photos/\($0)\t\($1)\n" }.joined()
      .write(toFile: root + "/list.txt", atomically: true, encoding: .utf8)
    try photos.map { "photos/\($0) \(points)\n" }.joined()
      .write(toFile: root + "/points.txt", atomically: true, encoding: .utf8)
    return (photos, labels)
  }

  private func people(_ path: String) throws -> [String: String] {
    let index = try PhotoSet(path: path).index
    return Dictionary(
      uniqueKeysWithValues: index.photos.map { ($0.path, index.people[$0.person]) })
  }

  @Test func peopleOfAListAreThoseOfTheAlignedPhotos() throws {
    let (photos, labels) = try writePhotos()
    let out = root + "/aligned"
    let request = try #require(
      AlignRequest(data: root + "/list.txt", out: out, landmarks: root + "/points.txt"))
    let (lines, isGood) = try request.run()
    #expect(isGood)
    #expect(lines.contains { $0.contains("\(out)/metadata.csv, which --data \(out) reads") })
    let expected = Dictionary(uniqueKeysWithValues: zip(photos.map { "photos/" + $0 }, labels))
    #expect(try people(out) == expected)
    #expect(try PhotoSet(path: out).notes.warnings.isEmpty)
  }

  @Test func aFolderOfPeopleNeedsNoTable() throws {
    let (photos, _) = try writePhotos()
    try photos.map { "\($0) \(points)\n" }.joined()
      .write(toFile: root + "/points.txt", atomically: true, encoding: .utf8)
    let out = root + "/aligned"
    let request = try #require(
      AlignRequest(data: root + "/photos", out: out, landmarks: root + "/points.txt"))
    #expect(try request.run().isGood)
    #expect(!FileManager.default.fileExists(atPath: out + "/metadata.csv"))
    #expect(try people(out) == people(root + "/photos"))
  }

  @Test func foldersThatGotNoPhotoAreNotLeft() throws {
    let (photos, _) = try writePhotos()
    try "\(photos[0]) \(points)\n"
      .write(toFile: root + "/points.txt", atomically: true, encoding: .utf8)
    let out = root + "/aligned"
    let request = try #require(
      AlignRequest(data: root + "/photos", out: out, landmarks: root + "/points.txt"))
    _ = try request.run()
    #expect(try FileManager.default.contentsOfDirectory(atPath: out).count == 1)
  }

  @Test func namesThatUnicodeComposesInTwoWaysAreTwoFolders() throws {
    let (photos, _) = try writePhotos()
    let names = ["Zo\u{EB}", "Zoe\u{308}"]
    for (name, photo) in zip(names, photos) {
      try Folders.make(root + "/two/" + name)
      try FileManager.default.copyItem(
        atPath: root + "/photos/" + photo, toPath: root + "/two/" + name + "/1.jpg")
    }
    try names.map { "\($0)/1.jpg \(points)\n" }.joined()
      .write(toFile: root + "/points.txt", atomically: true, encoding: .utf8)
    let out = root + "/aligned"
    let request = try #require(
      AlignRequest(data: root + "/two", out: out, landmarks: root + "/points.txt"))
    #expect(try request.run().isGood)
    #expect(
      try PhotoSet(path: out).index.people.map { Array($0.utf8) }
        == names.map { Array($0.utf8) }.sorted { $0.lexicographicallyPrecedes($1) })
  }
}
