import CAllocations
import Datasets
import Foundation
import Testing

/// Opening a large pack takes time and memory for its index alone. DDP_RECORDS is the number of
/// images; 5,000,000 take a file of 200 MB.
@Suite(.serialized) struct PackSizeTests {
  private static let images =
    ProcessInfo.processInfo.environment["DDP_RECORDS"].flatMap { Int($0) } ?? 200_000

  /// A pack in InsightFace's layout, of 60 images a person, each of two bytes.
  private func write(to folder: TemporaryFolder) throws {
    let (images, each) = (Self.images, 60)
    let people = (images + each - 1) / each
    var records: [UInt8] = []
    records.reserveCapacity(40 * (images + people + 1))
    var index: [UInt8] = []
    func record(_ key: Int, label: Float, labels: [Float], data: [UInt8]) {
      index += "\(key)\t\(records.count)\n".utf8
      func put(_ word: UInt32) { withUnsafeBytes(of: word.littleEndian) { records += $0 } }
      put(0xCED7_230A)
      put(UInt32(24 + 4 * labels.count + data.count))
      put(UInt32(labels.count))
      put(label.bitPattern)
      put(UInt32(key))
      for _ in 0..<3 { put(0) }
      for label in labels { put(label.bitPattern) }
      records += data
      while records.count % 4 != 0 { records.append(0) }
    }
    for image in 0..<images {
      record(image + 1, label: Float(image / each), labels: [], data: [9, 9])
    }
    for person in 0..<people {
      let end = min(images, (person + 1) * each)
      record(
        images + 1 + person, label: 0, labels: [Float(person * each + 1), Float(end + 1)], data: [])
    }
    record(
      0, label: 0, labels: [Float(images + 1), Float(images + 1 + people)], data: [])
    folder.write("train.rec", records)
    folder.write("train.idx", index)
  }

  @Test func aLargePackOpensSmallAndFast() throws {
    let folder = TemporaryFolder()
    try write(to: folder)
    let before = callocations_bytes_in_use()
    callocations_start(1 << 20)
    let start = Date()
    let set = try PhotoSet(path: folder.path)
    let seconds = Date().timeIntervalSince(start)
    var largest = 0
    _ = callocations_stop(&largest)
    let bytes = Int(callocations_bytes_in_use()) - Int(before)
    print(
      "\(Self.images) records opened in \(seconds) s, \(bytes >> 20) MiB, largest \(largest >> 20)")
    #expect(set.index.photos.count == Self.images)
    // 40 bytes a record are 200 MB for 5 million.
    #expect(bytes < 40 * Self.images + (4 << 20))
    #expect(largest <= 16 * Self.images + (4 << 20))
    #expect(seconds < 2 * max(1, Double(Self.images) / 5e6) || Self.images < 5_000_000)
    // Any record by its place, in any order.
    let buffer = ByteBuffer()
    for photo in [Self.images - 1, 0, Self.images / 2, 61] {
      try set.source.read(photo, into: buffer)
      #expect(Array(buffer.bytes) == [9, 9])
      #expect(set.index.photos[photo].path == "\(photo / 60)/\(photo + 1)")
      #expect(set.index.photos.person(of: photo) == photo / 60)
    }
  }
}
