import Datasets
import Foundation
import Testing
import Threads

/// Who waits for a large folder or pack is told how far the look at it is.
@Suite struct ScanMeterTests {
  /// A photo at a time, and not a folder when it is done.
  @Test func photosAreCountedAsTheyAreFound() throws {
    let disk = TemporaryFolder()
    for photo in 0..<5 { disk.write("\(photo).jpg", Pictures.jpeg(8, 8)) }
    disk.write("ann/1.jpg", Pictures.jpeg(8, 8))
    disk.write("ann/notes.txt", "x")
    let meter = WorkMeter()
    let set = try PhotoSet(path: disk.path, meter: meter)
    #expect(set.index.photos.count == 6 && meter.doneCount == 6)
    #expect(meter.unit == nil && meter.totalCount == 0)
  }

  /// Folders are looked into for metadata before photos are listed.
  @Test func foldersThatAreLookedIntoAreCountedAsFolders() throws {
    let disk = TemporaryFolder()
    for person in 0..<3 { disk.write("\(person)/1.jpg", Pictures.jpeg(8, 8)) }
    let meter = WorkMeter()
    meter.restart(of: 300, unit: "folders")
    meter.add(120)
    #expect(meter.unit == "folders" && meter.doneCount == 120)
    _ = try PhotoSet(path: disk.path, meter: meter)
    #expect(meter.unit == nil && meter.doneCount == 3 && meter.totalCount == 0)
  }

  /// Ranges of people that contradict the records are given up, and counted from the beginning.
  @Test func rangesThatContradictCountPhotosOnce() throws {
    let disk = PackTests.folder()
    let out = TemporaryFolder()
    _ = try PackWriter.write(PhotoSet(path: disk.path), as: .rec, to: out.path + "/p")
    try FileManager.default.removeItem(atPath: out.path + "/p/train.lst")
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: out.path + "/p/train.rec")))
    // The label of the last photo of the last person, which has the largest one.
    let label = withUnsafeBytes(of: Float(3).bitPattern.littleEndian) { Array($0) }
    let places = bytes.indices.dropLast(3).filter {
      $0 % 4 == 0 && Array(bytes[$0..<$0 + 4]) == label
        && Array(bytes[$0 - 4..<$0]) == [0, 0, 0, 0]
    }
    let last = try #require(places.last)
    let other = withUnsafeBytes(of: Float(2).bitPattern.littleEndian) { Array($0) }
    bytes.replaceSubrange(last..<last + 4, with: other)
    out.write("p/train.rec", bytes)
    let meter = WorkMeter()
    let set = try PhotoSet(path: out.path + "/p", meter: meter)
    #expect(set.notes.warnings.contains { $0.contains("contradict the labels") })
    #expect(meter.doneCount == 13 && meter.totalCount == 13)
  }
}
