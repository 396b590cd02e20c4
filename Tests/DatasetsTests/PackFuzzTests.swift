import CAllocations
import Datasets
import Determinism
import Foundation
import Interchange
import Testing

/// Files of every format, mutated and truncated: each is read or refused, without a crash or a hang
/// and without memory beyond four times its size. DDP_FUZZ is the number of files of each format.
@Suite(.serialized) struct PackFuzzTests {
  private static let rounds =
    ProcessInfo.processInfo.environment["DDP_FUZZ"].flatMap { Int($0) } ?? 250

  /// One to eight changes: bytes, stretches cut, doubled or zeroed, the end gone.
  static func mutated(_ file: [UInt8], _ round: Int) -> [UInt8] {
    let dice = CounterRandom(seed: 77, purpose: .shuffle, round)
    var bytes = file
    var drawn = 0
    func draw(_ limit: Int) -> Int {
      drawn += 1
      return dice.integer(drawn, below: max(1, limit))
    }
    for _ in 0...draw(8) {
      guard !bytes.isEmpty else { break }
      let at = draw(bytes.count)
      let length = min(1 + draw(64), bytes.count - at)
      switch draw(7) {
      case 0, 1: bytes[at] = UInt8(draw(256))
      case 2: bytes[at] ^= UInt8(1 << draw(8))
      case 3: bytes.removeSubrange(at..<at + length)
      case 4: bytes.insert(contentsOf: Array(bytes[at..<at + length]), at: at)
      case 5: for place in at..<at + length { bytes[place] = draw(2) == 0 ? 0 : 0xFF }
      default: bytes.removeSubrange(at...)
      }
    }
    return bytes
  }

  /// Reads the set at `path` to its last photo.
  private static func readAll(_ path: String) {
    guard let set = try? PhotoSet(path: path) else { return }
    let buffer = ByteBuffer()
    for photo in set.index.photos.indices {
      _ = set.index.photos[photo].path
      try? set.source.read(photo, into: buffer)
    }
  }

  /// Runs `read` on mutations of `file`, which `install` puts in place.
  private static func fuzz(
    _ file: [UInt8], beside otherBytes: Int = 0, install: ([UInt8]) -> Void, read: () -> Void
  ) {
    read()
    // What Foundation, the runtime and the reader's fixed buffers take in any case.
    let fixed = 4 << 20
    for round in 0..<rounds {
      let bytes = mutated(file, round)
      install(bytes)
      let before = callocations_bytes_in_use()
      callocations_start(1 << 16)
      let start = Date()
      read()
      var largest = 0
      _ = callocations_stop(&largest)
      let after = callocations_bytes_in_use()
      let limit = 4 * (bytes.count + otherBytes) + fixed
      #expect(largest <= limit && Int(after) - Int(before) <= limit, "round \(round)")
      #expect(Date().timeIntervalSince(start) < 20, "round \(round)")
    }
  }

  @Test(arguments: ["p/train.rec", "p/train.idx", "p/train.lst", "flat/train.rec", "t.tar"])
  func packs(_ name: String) throws {
    let disk = PackTests.folder()
    let out = TemporaryFolder()
    let set = try PhotoSet(path: disk.path)
    _ = try PackWriter.write(set, as: .rec, to: out.path + "/p")
    _ = try PackWriter.write(set, as: .tar, to: out.path + "/t.tar")
    // Without an index, the records themselves are gone through.
    out.makeFolder("flat")
    try FileManager.default.copyItem(
      atPath: out.path + "/p/train.rec", toPath: out.path + "/flat/train.rec")
    let file = [UInt8](try Data(contentsOf: URL(fileURLWithPath: out.path + "/" + name)))
    let folder = String(name.split(separator: "/")[0])
    Self.fuzz(
      file, install: { out.write(name, $0) }, read: { Self.readAll(out.path + "/" + folder) })
  }

  @Test(arguments: ["metadata.csv", "metadata.jsonl", "list.txt"])
  func namesOfPhotos(_ name: String) throws {
    let disk = PackTests.folder()
    let photos = try PhotoSet(path: disk.path).index.photos
    let text: String
    switch name {
    case "metadata.csv":
      text = "file_name,label\n" + photos.map { "\($0.path),\($0.person)\n" }.joined()
    case "metadata.jsonl":
      text = photos.map { "{\"file_name\":\"\($0.path)\",\"label\":\($0.person)}\n" }.joined()
    default: text = photos.map { "\($0.path) \($0.person)\n" }.joined()
    }
    Self.fuzz(
      Array(text.utf8), beside: 1 << 20, install: { disk.write(name, $0) },
      read: { Self.readAll(disk.path + (name == "list.txt" ? "/list.txt" : "")) })
  }

  @Test(arguments: [2, 4, 5])
  func verificationSets(_ version: Int) throws {
    let disk = TemporaryFolder()
    let file = Pickles.verification(
      (0..<20).map { Pictures.jpeg(16, 16, seed: $0) }, (0..<10).map { $0 % 2 == 0 },
      version: version)
    let path = disk.write("faces.bin", file)
    #expect(try VerificationBin(path: path).photoCount == 20)
    Self.fuzz(
      file, install: { disk.write("faces.bin", $0) },
      read: {
        guard let bin = try? VerificationBin(path: path) else { return }
        for photo in 0..<bin.photoCount { bin.withImage(photo) { _ = $0.count } }
      })
  }
}

/// Writes pickles as Python does.
enum Pickles {
  static func verification(_ images: [[UInt8]], _ isSame: [Bool], version: Int) -> [UInt8] {
    func length(_ count: Int) -> [UInt8] {
      withUnsafeBytes(of: UInt32(count).littleEndian) { Array($0) }
    }
    let isOld = version == 2
    var body: [UInt8] = [UInt8(ascii: "]"), UInt8(ascii: "(")]
    for image in images {
      // T is a byte string of Python 2, B one of Python 3.
      body += [UInt8(ascii: isOld ? "T" : "B")] + length(image.count) + image
      if !isOld { body.append(0x94) }
    }
    body += [UInt8(ascii: "e"), UInt8(ascii: "]"), UInt8(ascii: "(")]
    body += isSame.map { $0 ? 0x88 : 0x89 }
    body += [UInt8(ascii: "e"), 0x86, UInt8(ascii: ".")]
    let frame: [UInt8] =
      isOld ? [] : [0x95] + withUnsafeBytes(of: UInt64(body.count).littleEndian) { Array($0) }
    return [0x80, UInt8(version)] + frame + body
  }
}
