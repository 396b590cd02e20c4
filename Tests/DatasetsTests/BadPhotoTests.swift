import Datasets
import Foundation
import Testing

@Suite struct BadPhotoTests {
  private func loader(
    _ folder: FaceFolder, ledger: BadPhotoLedger, source: (any PhotoSource)? = nil, seed: UInt64 = 1
  ) throws -> SampleLoader {
    let divided = try DataSplit.all.divide(folder.index)
    return SampleLoader(
      folder.index, divided: divided, source: source ?? FolderSource(folder),
      preprocessing: Preprocessing(framing: try Framing(imageSize: 16)),
      augmentation: .default, seed: seed, ledger: ledger)
  }

  @Test("20 kinds of bad images survived")
  func twentyKindsOfBadImagesSurvived() throws {
    let disk = TemporaryFolder()
    for person in ["ann", "bob", "cleo"] {
      for photo in 0..<3 {
        disk.write("\(person)/good\(photo).jpg", Pictures.jpeg(30, 30, seed: photo))
      }
    }
    var bad = Set<String>()
    for (number, image) in try BadImages.all().enumerated() {
      let path = "\(["ann", "bob"][number % 2])/\(number) \(image.name).jpg"
      disk.write(path, image.bytes)
      bad.insert(path)
    }
    disk.makeFolder("ann/folder.jpg")
    disk.link("ann/dangling.jpg", to: "nowhere")
    disk.link("ann/device.jpg", to: "/dev/null")
    bad.formUnion(["ann/dangling.jpg", "ann/device.jpg"])
    #expect(mkfifo(disk.path + "/bob/pipe.jpg", 0o644) == 0)
    bad.insert("bob/pipe.jpg")
    if getuid() != 0 {
      let locked = disk.write("bob/locked.jpg", BadImages.good)
      chmod(locked, 0)
      bad.insert("bob/locked.jpg")
    }
    #expect(bad.count >= 20)

    let folder = try FaceFolder(root: disk.path)
    #expect(folder.photos.count == 9 + bad.count)
    let ledger = BadPhotoLedger()
    let loader = try loader(folder, ledger: ledger)
    let decoder = loader.makeDecoder()
    var output = [Float](repeating: .nan, count: loader.sampleCount)
    for photo in folder.photos.indices {
      let loaded = try decoder.load(
        photo, at: SampleCoordinates(step: 0, slot: photo), into: &output)
      #expect(output.allSatisfy { abs($0) <= 1 })
      #expect(loaded.isReplacement == bad.contains(folder.photos[photo].path))
      #expect(!bad.contains(folder.photos[loaded.photo].path))
      #expect(loaded.label == folder.photos[loaded.photo].person)
    }
    #expect(Set(ledger.entries.map(\.path)) == bad)
    #expect(ledger.replacedSamples == bad.count)
    #expect(ledger.entries.allSatisfy { !$0.reason.isEmpty && !$0.reason.contains("\n") })
  }

  /// Nothing may stand in for a photo that another rank can read.
  @Test func photosOutOfReachAreNoBadPhotos() throws {
    let disk = TemporaryFolder()
    for photo in 0..<6 {
      disk.write("\(photo < 4 ? "ann" : "bob")/\(photo).jpg", Pictures.jpeg(30, 30, seed: photo))
    }
    let folder = try FaceFolder(root: disk.path)
    let ledger = BadPhotoLedger()
    let loader = try loader(folder, ledger: ledger)
    try FileManager.default.removeItem(atPath: disk.path + "/ann/2.jpg")
    var output = [Float](repeating: .nan, count: loader.sampleCount)
    let decoder = loader.makeDecoder()
    #expect {
      try decoder.load(2, at: SampleCoordinates(step: 0, slot: 0), into: &output)
    } throws: { error in
      "\(error)".hasPrefix("ann/2.jpg cannot be opened: No such file or directory; it was there")
    }
    #expect(ledger.count == 0)
  }

  @Test func damageInAnyPlaceNeverCrashes() throws {
    let decoder = JPEGDecoder(pixelLimit: 1_000_000)
    let image = PixelBuffer()
    var refused = 0
    let files = BadImages.damaged()
    for bytes in files {
      do {
        try bytes.withUnsafeBytes { try decoder.decode($0, into: image) }
      } catch {
        refused += 1
      }
    }
    #expect(refused > files.count / 3)
    try BadImages.good.withUnsafeBytes { try decoder.decode($0, into: image) }
    #expect(image.width == 64 && image.height == 48)
  }

  @Test func replacementsDependOnSeedAndCoordinatesAlone() throws {
    let disk = TemporaryFolder()
    for person in 0..<4 {
      for photo in 0..<6 {
        let isBad = photo == 2 || person == 3
        disk.write(
          "p\(person)/\(photo).jpg", isBad ? [1, 2, 3] : Pictures.jpeg(20, 20, seed: photo))
      }
    }
    let folder = try FaceFolder(root: disk.path)
    let first = try loader(folder, ledger: BadPhotoLedger()).makeDecoder()
    let second = try loader(folder, ledger: BadPhotoLedger()).makeDecoder()
    let other = try loader(folder, ledger: BadPhotoLedger(), seed: 2).makeDecoder()
    var (a, b) = ([Float](repeating: 0, count: 768), [Float](repeating: 1, count: 768))
    let jobs = folder.photos.indices.flatMap { photo in
      (0..<5).map { (photo, SampleCoordinates(step: $0, slot: photo)) }
    }
    var differences = 0
    var targets = Set<Int>()
    // Another order, and no common history, stand for other ranks.
    let forward = try jobs.map { try first.load($0.0, at: $0.1, into: &a) }
    let backward = try jobs.reversed().map { try second.load($0.0, at: $0.1, into: &b) }.reversed()
    #expect(forward == Array(backward))
    for (job, loaded) in zip(jobs, forward) {
      let person = folder.photos[job.0].person
      if loaded.isReplacement, person != 3 { #expect(loaded.label == person) }
      if loaded.isReplacement, person == 3 { #expect(loaded.label != person) }
      if loaded.isReplacement { targets.insert(loaded.photo) }
      if try other.load(job.0, at: job.1, into: &b) != loaded { differences += 1 }
    }
    #expect(targets.count > 8)
    #expect(differences > 5)
    _ = try first.load(jobs[60].0, at: jobs[60].1, into: &a)
    _ = try second.load(jobs[60].0, at: jobs[60].1, into: &b)
    #expect(a == b)
  }

  @Test func tooManyBadPhotosStopWithTheList() throws {
    let ledger = BadPhotoLedger()
    let entries = (0..<11).map { BadPhoto(photo: $0, path: "p/\($0).jpg", reason: "is empty") }
    for entry in entries.prefix(10) { ledger.record(entry) }
    ledger.record(entries[0])
    try ledger.check(total: 1000, limit: 0.01)
    let elsewhere = BadPhotoLedger()
    elsewhere.record(entries[10])
    ledger.merge(elsewhere.entries)
    ledger.merge(elsewhere.entries)
    #expect(ledger.entries == entries)
    let error = #expect(throws: DatasetError.self) { try ledger.check(total: 1000, limit: 0.01) }
    let text = error?.description ?? ""
    #expect(text.contains("11 of 1000") && text.contains("1 %"))
    #expect(text.contains("p/10.jpg: is empty"))
  }

  @Test func aFolderOfNothingButBadPhotosEnds() throws {
    let disk = TemporaryFolder()
    for person in 0..<2 { disk.write("p\(person)/x.jpg", [9]) }
    let decoder = try loader(FaceFolder(root: disk.path), ledger: BadPhotoLedger()).makeDecoder()
    var output = [Float](repeating: 0, count: 768)
    #expect(throws: DatasetError.noReplacement(photo: "p0/x.jpg", tried: 64)) {
      try decoder.load(0, at: SampleCoordinates(step: 0, slot: 0), into: &output)
    }
  }
}
