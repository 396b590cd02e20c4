import Datasets
import Foundation
import Testing
import TestSupport

/// LMDB training sets as Vec2Face, HSFace and the like ship them.
@Suite struct LMDBTests {
  private static func colors(_ set: PhotoSet) throws -> [[UInt8]] {
    let buffer = ByteBuffer()
    return try set.index.photos.indices.map { photo in
      try set.source.read(photo, into: buffer)
      return Array(buffer.bytes)
    }
  }

  @Test("A set that liblmdb and msgpack have written: order, people, names, bytes")
  func readsWhatVec2FaceWrites() throws {
    let set = try PhotoSet(path: Pictures.fixtures.appendingPathComponent("faces.lmdb").path)
    #expect(set.format == .lmdb && set.notes == DataNotes())
    #expect(set.index.people == ["0", "1000", "2000"] && set.labels == [0, 1000, 2000])
    #expect(
      set.index.photos.map(\.path) == (0..<12).map { "\($0 / 4 * 1000)/\($0)" })
    #expect(set.index.photos.map(\.person) == (0..<12).map { $0 / 4 })
    let image = PixelBuffer()
    for (photo, bytes) in try Self.colors(set).enumerated() {
      try bytes.withUnsafeBytes { try ImageDecoder().decode($0, into: image) }
      #expect(image.width == (photo % 4 == 3 ? 48 : 8 + photo))
      if photo % 4 != 3 {
        #expect(abs(Int(image.pixels[0]) - 10 * photo) < 4 && abs(Int(image.pixels[1]) - 100) < 4)
      }
      #expect(set.source.byteCount(of: photo) == bytes.count)
    }
  }

  /// A file of so many photos, each of so many bytes, by keys 0, 1, 2...
  private static func file(
    _ count: Int, _ value: (Int) -> [UInt8]
  ) -> [UInt8] {
    LMDBWriter.file((0..<count).map { ("\($0)", value($0)) })
  }

  @Test("Trees of several levels, small values and large ones, in the order of their numbers")
  func treesOfSeveralLevels() throws {
    let disk = TemporaryFolder()
    let photos = (0..<30).map { Pictures.jpeg(8 + $0 % 60, 8, seed: $0) }
    let large = Pictures.jpeg(200, 200, quality: 100)
    disk.write(
      "many.lmdb",
      Self.file(3000) {
        LMDBWriter.value($0 % 100 == 99 ? large : photos[$0 % 30], label: $0 / 10 * 3)
      })
    let set = try PhotoSet(path: disk.path + "/many.lmdb")
    #expect(set.index.people.count == 300 && set.index.people[299] == "897")
    #expect(set.index.photos[1234].path == "369/1234")
    let bytes = try Self.colors(set)
    #expect(bytes[1234] == photos[1234 % 30] && bytes[2999] == large)
    // A folder with one such file, and one with data.mdb, are the same.
    #expect(try PhotoSet(path: disk.path).index.photos.count == 3000)
    let folder = TemporaryFolder()
    folder.write("data.mdb", Self.file(4) { LMDBWriter.value(photos[$0], label: $0) })
    folder.write("lock.mdb", [1])
    #expect(try PhotoSet(path: folder.path).index.photos.count == 4)
  }

  @Test("Pickles of (image, label), and images whose keys are paths")
  func otherForms() throws {
    let disk = TemporaryFolder()
    let photo = Pictures.jpeg(20, 20)
    func length(_ count: Int) -> [UInt8] {
      withUnsafeBytes(of: UInt32(count).littleEndian) { Array($0) }
    }
    // What Python 3 writes for pickle.dumps((photo, 7)), protocols 4 and 3.
    let body: [UInt8] = [UInt8(ascii: "B")] + length(photo.count) + photo
    let four: [UInt8] =
      [0x80, 4, 0x95] + length(body.count + 5) + [0, 0, 0, 0] + body + [0x94, 0x4B, 7, 0x86, 0x2E]
    let three: [UInt8] = [0x80, 3] + body + [0x71, 0, 0x4D, 0x2C, 1, 0x86, 0x71, 1, 0x2E]
    disk.write("pickles.lmdb", LMDBWriter.file([("0", four), ("1", three)]))
    let pickles = try PhotoSet(path: disk.path + "/pickles.lmdb")
    #expect(pickles.index.people == ["7", "300"])
    #expect(try Self.colors(pickles) == [photo, photo])
    disk.write("paths.lmdb", LMDBWriter.file([("ann/1.jpg", photo), ("bob/x/2.jpg", photo)]))
    let paths = try PhotoSet(path: disk.path + "/paths.lmdb")
    #expect(paths.index.people == ["ann", "bob/x"])
    #expect(paths.index.photos.map(\.path) == ["ann/1.jpg", "bob/x/2.jpg"])
  }

  @Test("Values of another form, several databases in one, and cut files are one line")
  func whatIsNoSetOfPhotos() throws {
    let disk = TemporaryFolder()
    let photo = Pictures.jpeg(100, 100, quality: 100)
    let sound = Self.file(20) { LMDBWriter.value(photo, label: $0) }
    func problem(_ bytes: [UInt8]) -> String {
      disk.write("x.lmdb", bytes)
      do {
        let set = try PhotoSet(path: disk.path + "/x.lmdb")
        _ = try Self.colors(set)
        return ""
      } catch {
        return "\(error)"
      }
    }
    #expect(problem(sound) == "")
    let other = problem(LMDBWriter.file([("7", Array("datum".utf8))]))
    #expect(other.contains("the key '7'") && other.contains("Vec2Face"))
    for count in [200, 5000, 9000, sound.count / 2] {
      let text = problem(Array(sound.prefix(count)))
      #expect(!text.isEmpty && !text.contains("\n"), "\(count)")
    }
    #expect(problem(LMDBWriter.file([])).contains("holds no photos"))
    var counted = (0..<3).map { ("\($0)", LMDBWriter.value(photo, label: $0)) }
    counted.append(("__len__", [5]))
    disk.write("x.lmdb", LMDBWriter.file(counted))
    let set = try PhotoSet(path: disk.path + "/x.lmdb")
    #expect(set.notes.warnings.map { $0.contains("announces 5 photos and holds 3") } == [true])
  }
}
