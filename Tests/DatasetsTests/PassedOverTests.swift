import Datasets
import Foundation
import Testing

/// What lies beside the photos is counted and named, and what is most likely not meant is said.
@Suite struct PassedOverTests {
  private static let jpeg = Pictures.jpeg(16, 16)
  private static let png = PNGPhoto.of(Pictures.pattern(8, 8))
  private static let webP = WebPPhoto.of(Pictures.pattern(8, 8))
  private static let heic =
    [0, 0, 0, 24] + Array("ftypheic\0\0\0\0mif1heic".utf8) + [UInt8](repeating: 7, count: 99)

  private static func notes(_ files: [String: [UInt8]]) throws -> (DataNotes, [String]) {
    let disk = TemporaryFolder()
    for (path, bytes) in files { disk.write(path, bytes) }
    let set = try PhotoSet(path: disk.path)
    return (set.notes, set.index.photos.map(\.path))
  }

  @Test("Photos count by every ending that JPEG, PNG and WebP go by, and by their bytes")
  func photosAreFoundByWhatTheyAre() throws {
    let (notes, photos) = try Self.notes([
      "a/1.jpg": Self.jpeg, "a/2.JFIF": Self.jpeg, "a/3.jpe": Self.jpeg, "a/4.PNG": Self.png,
      "b/5.webp": Self.webP, "b/6.jpg": Self.png, "b/7": Self.jpeg, "b/8.bmp": Self.jpeg,
      "b/9.0": Self.png, "b/10.apng": Self.png,
    ])
    #expect(
      photos == [
        "a/1.jpg", "a/2.JFIF", "a/3.jpe", "a/4.PNG", "b/10.apng", "b/5.webp", "b/6.jpg", "b/7",
        "b/8.bmp", "b/9.0",
      ])
    #expect(notes == DataNotes())
  }

  @Test("What is passed over is counted by ending and by folder, with an example and what to do")
  func theRestIsCounted() throws {
    let (notes, photos) = try Self.notes([
      "a/1.jpg": Self.jpeg, "a/2.heic": Self.heic, "a/3.HEIC": Self.heic, "b/1.jpg": Self.jpeg,
      "b/notes.txt": [1], "c/1.heic": Self.heic, "c/unknown": [1, 2], "b/.DS_Store": [1],
      "b/._1.jpg": Self.jpeg, "a/1.jpg~": Self.jpeg, "a/1.jpg_original": Self.jpeg,
      "data.parquet": [1], "b/archive.zip": [1],
    ])
    #expect(photos == ["a/1.jpg", "b/1.jpg"])
    let groups = notes.passedOver.groups
    let first = try #require(groups.first)
    #expect(first.kind == ".heic (HEIC)" && first.count == 3 && first.example == "a/2.heic")
    #expect(first.arePhotos && first.advice?.contains("heif-convert") == true)
    let counts = Dictionary(uniqueKeysWithValues: groups.map { ($0.kind, $0.count) })
    #expect(
      counts == [
        ".heic (HEIC)": 3, ".txt": 1, "hidden": 2, "no ending": 1, ".jpg~": 1,
        ".jpg_original": 1, ".parquet": 1, ".zip": 1,
      ])
    #expect(groups.first { $0.kind == ".parquet" }?.advice?.contains("metadata.csv") == true)
    #expect(groups.first { $0.kind == ".zip" }?.advice == "unpack it")
    #expect(notes.passedOver.count == 11 && notes.passedOver.photoCount == 3)
    let folders = notes.passedOver.folders(limit: 9)
    #expect(folders.map(\.folder) == ["a", "b", "c", "."])
    #expect(folders.map(\.count) == [4, 4, 2, 1])
    let lines = notes.passedOver.lines
    #expect(lines[0].hasPrefix("passed over: 3 .heic (HEIC), such as a/2.heic; heif-convert"))
    #expect(lines.last == "passed over, by folder: 4 in a, 4 in b, 2 in c, 1 in .")
    let warnings = notes.allWarnings
    #expect(warnings.count == 2)
    #expect(warnings[0] == "photos of a format that is not read, passed over: 3")
    #expect(warnings[1] == "1 folder has no photo that is read: c")
  }

  @Test("Where nothing is left, the error says what is there")
  func nothingButOtherPhotos() {
    let error = #expect(throws: DatasetError.self) {
      try Self.notes(["a/1.heic": Self.heic, "b/2.heic": Self.heic])
    }
    #expect(error?.description.contains("2 .heic (HEIC), such as a/1.heic; heif-convert") == true)
  }

  @Test("Metadata in a table that is not read are warned of")
  func unreadMetadata() throws {
    let (notes, _) = try Self.notes([
      "ann/1.jpg": Self.jpeg, "bob/1.jpg": Self.jpeg, "metadata.parquet": [1],
    ])
    #expect(
      notes.warnings.count == 1 && notes.warnings[0].hasPrefix("metadata.parquet is not read"))
  }

  @Test("One name below several folders, and splits that train together, are said with counts")
  func splitsAndRepeatedNames() throws {
    let (notes, _) = try Self.notes([
      "train/ann/1.jpg": Self.jpeg, "train/bob/1.jpg": Self.jpeg, "train/bob/2.jpg": Self.jpeg,
      "val/ann/3.jpg": Self.jpeg,
    ])
    #expect(notes.warnings.count == 2)
    #expect(notes.warnings[0].hasPrefix("1 name stands below several folders and counts as 2"))
    #expect(notes.warnings[0].contains("train/ann, val/ann"))
    #expect(notes.warnings[1].contains("3 of train, 1 of val photos"))
    let (apart, _) = try Self.notes([
      "train/ann/1.jpg": Self.jpeg, "test/cy/1.jpg": Self.jpeg,
    ])
    #expect(apart.warnings.count == 1 && apart.warnings[0].contains("1 of test, 1 of train photos"))
    let (plain, _) = try Self.notes(["ann/1.jpg": Self.jpeg, "bob/1.jpg": Self.jpeg])
    #expect(plain == DataNotes())
    let (films, _) = try Self.notes([
      "ann/0/1.jpg": Self.jpeg, "ann/1/1.jpg": Self.jpeg, "bob/0/1.jpg": Self.jpeg,
    ])
    #expect(films.warnings.count == 1 && films.warnings[0].contains("ann/0, bob/0"))
  }

  @Test("Photos in the folder itself, and one photo in two formats, are said")
  func strayPhotosAndTwins() throws {
    let (notes, _) = try Self.notes([
      "1.jpg": Self.jpeg, "ann/1.jpg": Self.jpeg, "ann/1.png": Self.png, "bob/1.jpg": Self.jpeg,
    ])
    #expect(notes.warnings.count == 2)
    #expect(notes.warnings[0].contains("the name of another but for the ending: 1, such as"))
    #expect(notes.warnings[0].contains("ann/1.png"))
    #expect(notes.warnings[1].hasPrefix("1 photo right in the folder count"))
  }

  @Test("Metadata that name some of the photos: counts of the others, and of those not there")
  func metadataThatNameSome() throws {
    var files: [String: [UInt8]] = [:]
    for photo in 0..<12 { files["p\(photo % 3)/\(photo).jpg"] = Self.jpeg }
    let named = (0..<5).map { "p\($0 % 3)/\($0).jpg,\($0 % 3)\n" }.joined()
    files["metadata.csv"] = Array(("file_name,label\n" + named + "p0/99.jpg,0\n").utf8)
    let (notes, photos) = try Self.notes(files)
    #expect(photos.count == 6)
    #expect(notes.warnings.count == 2)
    #expect(notes.warnings[0].contains("7 of 12 photos that are there are not named"))
    #expect(notes.warnings[0].contains("p0/6.jpg") && notes.warnings[0].contains("6 are taken"))
    #expect(notes.warnings[1].contains("photos that are named is not there"))
    #expect(notes.warnings[1].contains("p0/99.jpg"))
    let group = notes.passedOver.groups.first { $0.kind == "not named by the metadata" }
    #expect(group?.count == 7)
    #expect(notes.passedOver.groups.count == 1)
  }

  @Test("Hugging Face's train/ and test/ with metadata of their own train together, and it is said")
  func metadataOfSplits() throws {
    var files: [String: [UInt8]] = [:]
    for (part, count) in [("train", 6), ("test", 2)] {
      for photo in 0..<count { files["\(part)/\(photo).jpg"] = Self.jpeg }
      let named = (0..<count).map { "\($0).jpg,\($0 % 2)\n" }.joined()
      files["\(part)/metadata.csv"] = Array(("file_name,label\n" + named).utf8)
    }
    let (notes, photos) = try Self.notes(files)
    #expect(photos.count == 8 && notes.warnings.count == 1)
    #expect(notes.warnings[0].contains("2 of test, 6 of train photos"))
    #expect(notes.passedOver.count == 0)
  }

  @Test("Members of a tar that are neither photos nor labels are counted")
  func membersOfShards() throws {
    let (disk, out) = (TemporaryFolder(), TemporaryFolder())
    for (path, bytes) in ["a/1.jpg": Self.jpeg, "a/2.png": Self.png, "b/3.webp": Self.webP] {
      disk.write(path, bytes)
    }
    let set = try PhotoSet(path: disk.path)
    _ = try PackWriter.write(set, as: .tar, to: out.path + "/p.tar")
    let pack = try PhotoSet(path: out.path + "/p.tar")
    #expect(pack.index.photos.map(\.path) == ["a/1.jpg", "a/2.png", "b/3.webp"])
    #expect(pack.notes == DataNotes())
    var archive = [UInt8](try Data(contentsOf: URL(fileURLWithPath: out.path + "/p.tar")))
    // The label of the second sample becomes something else, which is no label.
    let place = try #require(archive.indices.first { archive[$0...].starts(with: "a/2.cls".utf8) })
    archive.replaceSubrange(place + 4..<place + 7, with: "aux".utf8)
    archive.replaceSubrange(place + 148..<place + 156, with: [UInt8](repeating: 0x20, count: 8))
    let sum = String(archive[place..<place + 512].reduce(0) { $0 + Int($1) }, radix: 8)
    archive.replaceSubrange(
      place + 148..<place + 154, with: (String(repeating: "0", count: 6 - sum.count) + sum).utf8)
    out.write("q.tar", archive)
    let error = #expect(throws: DatasetError.self) { try PhotoSet(path: out.path + "/q.tar") }
    #expect(error?.description.contains("a/2.png") == true)
    // Without the photo, what is left of the sample is counted.
    let photo = try #require(archive.indices.first { archive[$0...].starts(with: "a/2.png".utf8) })
    var without = archive
    without.removeSubrange(photo..<place)
    out.write("r.tar", without)
    let rest = try PhotoSet(path: out.path + "/r.tar")
    #expect(rest.index.photos.count == 2)
    #expect(rest.notes.passedOver.groups.map(\.kind) == [".aux"])
    #expect(rest.notes.passedOver.groups[0].example == "a/2.aux")
  }

  @Test("The order of photos is that of the bytes of their paths, at any depth")
  func orderOfTheWalkIsThatOfPaths() throws {
    let disk = TemporaryFolder()
    for path in [
      "a/1.jpg", "a.b/1.jpg", "a b/1.jpg", "a-/1.jpg", "a0/1.jpg", "a/b/1.jpg", "a/b.jpg",
      "a/b-/1.jpg", "Z/1.jpg", "é/1.jpg", "a.jpg",
    ] {
      disk.write(path, Self.jpeg)
    }
    let folder = try FaceFolder(root: disk.path)
    let paths = folder.photos.map(\.path)
    #expect(paths == paths.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
    #expect(folder.people == folder.people.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
    for photo in folder.photos {
      let cut = photo.path.lastIndex(of: "/")
      #expect(folder.people[photo.person] == cut.map { String(photo.path[..<$0]) } ?? ".")
    }
  }
}
