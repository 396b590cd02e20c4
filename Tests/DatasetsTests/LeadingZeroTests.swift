import Datasets
import Foundation
import TestSupport
import Testing

/// `007` beside `7`, in every form of data.
@Suite struct LeadingZeroTests {
  private let disk = TemporaryFolder()

  private func warning(_ set: PhotoSet) -> String? {
    set.notes.warnings.first { $0.contains("in zeros before a number") }
  }

  /// Records have floats, so a list beside them has numbers, however they are padded.
  @Test func aListBesideRecordsHasNumbers() throws {
    let folder = PackTests.folder()
    let set = try PhotoSet(path: folder.path)
    _ = try PackWriter.write(set, as: .rec, to: disk.path + "/p")
    let lines = set.index.photos.enumerated().map { row, photo in
      "\(row + 1)\t00\(photo.person)\t\(photo.path)\n"
    }
    disk.write("p/train.lst", lines.joined())
    let pack = try PhotoSet(path: disk.path + "/p")
    try PackTests.expectSame(pack, set)
    #expect(warning(pack) == nil)
    // One of another pack is still told by its labels.
    disk.write("p/train.lst", lines.map { $0.replacing("\t00", with: "\t1") }.joined())
    #expect(try PhotoSet(path: disk.path + "/p").index.photos[0].path == "0/1")
  }

  @Test func peopleThatDifferInZerosAreWarnedOf() throws {
    for name in ["007/1.jpg", "7/1.jpg", "8/1.jpg"] { disk.write(name, Pictures.jpeg(8, 8)) }
    let folder = try PhotoSet(path: disk.path)
    #expect(folder.index.people == ["007", "7", "8"])
    #expect(
      warning(folder)?.hasPrefix("2 people have names that differ from another's") == true)
    #expect(warning(folder)?.contains("such as '007' and '7'") == true)
    let list = disk.write("list.txt", "007/1.jpg 007\n7/1.jpg 7\n8/1.jpg 8\n")
    #expect(warning(try PhotoSet(path: list)) != nil)
    disk.write(
      "photos.lmdb",
      LMDBWriter.file(
        ["a/007/1", "a/7/1", "a/8/1"].map { (key: $0, value: Pictures.jpeg(8, 8)) }))
    #expect(warning(try PhotoSet(path: disk.path + "/photos.lmdb")) != nil)
  }

  /// Zeros are a number of their own, and no part of a word.
  @Test func otherNamesAreNoPairs() throws {
    for name in ["0", "00x", "0x", "10", "100"] { disk.write("\(name)/1.jpg", Pictures.jpeg(8, 8)) }
    #expect(warning(try PhotoSet(path: disk.path)) == nil)
    disk.write("000/1.jpg", Pictures.jpeg(8, 8))
    #expect(warning(try PhotoSet(path: disk.path))?.contains("'0' and '000'") == true)
  }
}
