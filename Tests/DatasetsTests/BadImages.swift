import Datasets

/// Ways in which a file that ends in .jpg can be no sound JPEG.
enum BadImages {
  static let good = Pictures.jpeg(64, 48, seed: 5)

  private static func position(_ marker: UInt8) -> Int {
    good.indices.dropLast().first { good[$0] == 0xFF && good[$0 + 1] == marker }!
  }

  private static func changed(_ changes: (inout [UInt8]) -> Void) -> [UInt8] {
    var bytes = good
    changes(&bytes)
    return bytes
  }

  private static func size(_ width: UInt16, _ height: UInt16) -> [UInt8] {
    changed { bytes in
      let frame = position(0xC0)
      bytes[frame + 5] = UInt8(height >> 8)
      bytes[frame + 6] = UInt8(height & 255)
      bytes[frame + 7] = UInt8(width >> 8)
      bytes[frame + 8] = UInt8(width & 255)
    }
  }

  /// A header that promises 65,500 x 1,500 pixels.
  static let huge = size(65_500, 1_500)

  static func hugeProgressive() throws -> [UInt8] {
    var bytes = try Pictures.fixture("progressive.jpg")
    let frame = bytes.indices.dropLast().first { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xC2 }!
    for i in 5..<9 { bytes[frame + i] = i % 2 == 1 ? 0x27 : 0x10 }
    return bytes
  }

  /// A progressive file that goes on with ever more empty-handed scans.
  private static func endlessScans() throws -> [UInt8] {
    let file = try Pictures.fixture("progressive.jpg")
    let scan = file.indices.dropLast().first { file[$0] == 0xFF && file[$0 + 1] == 0xDA }!
    let after = file[(scan + 2)...].indices.dropLast().first {
      file[$0] == 0xFF && file[$0 + 1] != 0 && !(0xD0...0xD7).contains(file[$0 + 1])
    }!
    let repeated = Array(file[scan..<after])
    return Array(file[..<scan]) + (0..<400).flatMap { _ in repeated } + Array(file[after...])
  }

  /// Every one of these must be refused.
  static func all() throws -> [(name: String, bytes: [UInt8])] {
    let scan = position(0xDA)
    let tables = position(0xC4)
    let frame = position(0xC0)
    let quantizers = position(0xDB)
    return [
      ("empty", []),
      ("one byte", [0xFF]),
      ("start of image only", [0xFF, 0xD8]),
      ("start and end only", [0xFF, 0xD8, 0xFF, 0xD9]),
      ("text", Array("This is not a picture.\n".utf8)),
      ("zeros", [UInt8](repeating: 0, count: 4096)),
      ("garbage", (0..<5000).map { UInt8(truncatingIfNeeded: $0 &* $0 &* 7919 >> 5) }),
      ("garbage after the start", [0xFF, 0xD8] + (0..<999).map { UInt8($0 * 31 % 255) }),
      ("PNG", [0x89, 0x50, 0x4E, 0x47, 13, 10, 26, 10] + [UInt8](repeating: 7, count: 500)),
      ("wrong magic", changed { $0[1] = 0xD7 }),
      ("cut in the quantizers", Array(good[..<(quantizers + 20)])),
      ("cut in the frame", Array(good[..<(frame + 6)])),
      ("cut in the Huffman tables", Array(good[..<(tables + 9)])),
      ("cut in the scan header", Array(good[..<(scan + 5)])),
      ("cut after the scan header", Array(good[..<(scan + 14)])),
      ("cut in the middle of the scan", Array(good[..<((scan + good.count) / 2)])),
      ("cut in the middle, end mended", Array(good[..<((scan + good.count) / 2)]) + [0xFF, 0xD9]),
      ("last bytes missing", Array(good.dropLast(9))),
      ("end marker missing", Array(good.dropLast(2))),
      ("huge dimensions", size(65_500, 65_500)),
      ("zero width", size(0, 48)),
      ("zero height", size(64, 0)),
      ("taller than its data", size(64, 480)),
      ("12 bits", changed { $0[frame + 4] = 12 }),
      ("lossless", changed { $0[frame + 1] = 0xC3 }),
      ("hierarchical", changed { $0[frame + 1] = 0xC5 }),
      ("no components", changed { $0[frame + 9] = 0 }),
      ("sampling factor of zero", changed { $0[frame + 11] = 0 }),
      ("overfull Huffman table", changed { for i in 5..<21 { $0[tables + i] = 255 } }),
      ("Huffman table with impossible codes", changed { $0[tables + 5] = 3 }),
      ("segment longer than the file", changed { $0[quantizers + 2] = 0xFF }),
      ("segment length of zero", changed { ($0[quantizers + 2], $0[quantizers + 3]) = (0, 0) }),
      ("no quantizers", Array(good[..<quantizers]) + Array(good[frame...])),
      ("two frames", Array(good[..<scan]) + Array(good[frame...])),
      ("endless scans", try endlessScans()),
    ]
  }

  /// These may be refused or come out as some picture, but nothing worse: damage in every place.
  static func damaged() -> [[UInt8]] {
    var files = [
      changed { $0[position(0xC0) + 1] = 0xC9 }, changed { $0[position(0xC0) + 1] = 0xC2 },
    ]
    for i in stride(from: 2, to: good.count, by: 3) {
      files.append(changed { $0[i] ^= UInt8(1 << (i % 8)) })
      files.append(changed { $0[i] = 0xFF })
      files.append(Array(good.prefix(i)))
    }
    return files
  }
}
