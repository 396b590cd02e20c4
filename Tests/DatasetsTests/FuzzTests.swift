import CAllocations
import Datasets
import Foundation
import Interchange
import Testing
import TestSupport

/// Broken files of every format that is read give a clear error or are read: without a crash or a
/// hang, and without memory beyond four times their size (of photos: beyond the pixels that a file
/// of that size can hold) and a fixed part.
/// `DDP_TRAIN_FUZZ=10000` tries as many of each, `DDP_TRAIN_FUZZ_ONLY=png,webP` these alone.
@Suite(.serialized) struct FuzzTests {
  /// What Foundation, the runtime and a reader's buffers and limits may take in any case.
  static let fixedBytes = 256 << 10

  private static let count =
    ProcessInfo.processInfo.environment["DDP_TRAIN_FUZZ"].flatMap { Int($0) } ?? 150

  private static let targets = {
    let names = ProcessInfo.processInfo.environment["DDP_TRAIN_FUZZ_ONLY"]?.split(separator: ",")
    return names?.map { FuzzTarget(rawValue: String($0))! } ?? FuzzTarget.allCases
  }()

  @Test(arguments: targets)
  func brokenFilesAreErrorsOrRead(target: FuzzTarget) throws {
    let file = try FuzzFile(target)
    try file.read()
    let mutations = FileMutations(original: file.sound)
    var (errors, most, slowest) = (0, 0, 0.0)
    for index in 0..<Self.count {
      let bytes = mutations.bytes(index)
      file.install(bytes)
      callocations_watch()
      let seconds = ProcessorTime.measure {
        do {
          try file.read()
        } catch {
          errors += 1
          let text = Self.oneLine(error)
          #expect(text != nil, "mutation \(index): \(error)")
        }
      }
      let held = Int(callocations_most_held())
      most = max(most, held)
      slowest = max(slowest, seconds)
      let limit = target.bytesPerByte * (bytes.count + file.otherBytes) + target.fixedBytes
      #expect(held <= limit, "mutation \(index) of \(bytes.count) bytes")
    }
    print(
      "fuzz \(target): \(Self.count) files of some \(file.sound.count) bytes, \(errors) errors, "
        + "most memory \(most), slowest \(slowest) s")
    // Milliseconds are usual. A hang shows as a test that never ends; this sees what grows with a
    // number in a header and not with the file. Others that use the processor do not count.
    #expect(slowest < 5)
    // A .lst that does not fit its pack is passed over.
    #expect(errors > 0 || target == .recordList)
  }

  /// The words of an error that readers throw; nil for another, or where they are no one line.
  static func oneLine(_ error: any Error) -> String? {
    guard error is InterchangeError || error is DatasetError || error is ImageError else {
      return nil
    }
    let text = "\(error)"
    return text.contains(where: \.isNewline) || text.utf8.count > 6000 ? nil : text
  }

  /// Sizes in headers are believed only as far as the file goes: nothing is allocated for the rest.
  @Test func promisedSizesTakeNoMemory() throws {
    let endless = [UInt8](repeating: 0xFF, count: 8)
    let lying: [(FuzzTarget, [UInt8])] = [
      (.safetensors, [0, 0, 0, 0, 1, 0, 0, 0, 0x7B, 0x7D]),
      (.safetensors, Self.safetensors("[1000000000000]", end: "4000000000000")),
      (.safetensors, Self.safetensors("[4611686018427387904,4]", end: "0")),
      (.npy, Self.npy("(1000000000, 1000)")),
      (.npy, Self.npy("(9223372036854775807,)")),
      // Text of 2 GB and of more than there is; a list inside itself.
      (.legacyTorch, Self.legacy([0x58, 0xFF, 0xFF, 0xFF, 0x7F])),
      (.legacyTorch, Self.legacy([0x8D] + endless)),
      (.legacyTorch, Self.legacy([0x5D, 0x71, 0, 0x68, 0, 0x61, 0x2E])),
      (.peopleList, Array("9223372036854775807\nanna\t1\n".utf8)),
      // A hundred million pixels in a few thousand bytes.
      (.jpeg, BadImages.huge),
      (.progressiveJPEG, try BadImages.hugeProgressive()),
    ]
    for (target, bytes) in lying {
      let file = try FuzzFile(target)
      file.install(bytes)
      callocations_watch()
      #expect(throws: (any Error).self, "\(target)") { try file.read() }
      #expect(
        Int(callocations_most_held()) < 4 * bytes.count + Self.fixedBytes,
        "\(target) of \(bytes.count) bytes")
    }
  }

  /// Files of nothing but what takes a reader the most memory a byte.
  @Test(arguments: Dense.allCases)
  func denseFilesStayWithinFourTimesTheirSize(dense: Dense) throws {
    let (target, bytes) = dense.file(byteCount: 4 << 20)
    let file = try FuzzFile(target)
    file.install(bytes)
    callocations_watch()
    #expect(throws: (any Error).self) { try file.read() }
    let held = Int(callocations_most_held())
    print("dense \(dense): \(bytes.count) bytes, most memory \(held)")
    #expect(held <= 4 * bytes.count)
  }

  /// Sound files of millions of bytes, where nothing hides behind the fixed part.
  @Test(arguments: FuzzTarget.large)
  func largeFilesStayWithinFourTimesTheirSize(target: FuzzTarget) throws {
    let file = try FuzzFile(target, isLarge: true)
    callocations_watch()
    try file.read()
    let held = Int(callocations_most_held())
    let count = file.sound.count + file.otherBytes
    print("large \(target): \(count) bytes, most memory \(held)")
    #expect(file.sound.count > 1 << 20)
    #expect(held <= 4 * count)
  }

  // MARK: Files that lie

  enum Dense: String, CaseIterable, Sendable {
    case nones, marks, lists, tuples, integers, memo, dictionaries
    case names, nestedArrays, members, rows, cells, records, metadataCells, metadataArray
    case graphNodes, graphNumbers

    func file(byteCount: Int) -> (FuzzTarget, [UInt8]) {
      func filled(_ token: [UInt8]) -> [UInt8] {
        let count = byteCount / token.count * token.count
        return [UInt8](unsafeUninitializedCapacity: count) { memory, written in
          token.withUnsafeBufferPointer { token in
            for i in stride(from: 0, to: count, by: token.count) {
              (memory.baseAddress! + i).initialize(from: token.baseAddress!, count: token.count)
            }
          }
          written = count
        }
      }
      func header(_ json: [UInt8]) -> [UInt8] {
        withUnsafeBytes(of: UInt64(json.count).littleEndian) { Array($0) } + json
      }
      switch self {
      case .nones: return (.legacyTorch, FuzzTests.legacy(filled([0x4E])))
      case .marks: return (.legacyTorch, FuzzTests.legacy(filled([0x28])))
      case .lists: return (.legacyTorch, FuzzTests.legacy(filled([0x5D])))
      // Six million levels.
      case .tuples: return (.legacyTorch, FuzzTests.legacy([0x29] + filled([0x85])))
      case .integers: return (.verification4, [0x80, 4] + filled([0x4B, 1]))
      case .memo: return (.verification4, [0x80, 4, 0x4E] + filled([0x94]))
      case .dictionaries:
        return (.legacyTorch, FuzzTests.legacy([0x7D] + filled([0x4E, 0x4E, 0x73])))
      case .names: return (.safetensors, header(filled(Array("{\"a\":".utf8))))
      case .nestedArrays:
        return (.safetensors, header(Array("{\"a\":[".utf8) + filled(Array("0,".utf8))))
      case .members: return (.safetensors, header([0x7B] + filled(Array("\"\":0,".utf8))))
      case .rows: return (.csv, Array("name,0\n".utf8) + filled(Array("\n".utf8)))
      case .cells: return (.csv, filled([0x2C]))
      case .records:
        return (.recordsAlone, filled([0x0A, 0x23, 0xD7, 0xCE, 0, 0, 0, 0]))
      case .metadataCells: return (.metadataCSV, Array("file_name,label\n".utf8) + filled([0x2C]))
      case .metadataArray:
        return (.metadataJSONL, Array("{\"a\":[".utf8) + filled(Array("0,".utf8)))
      // Nodes of nothing but an operator, and one with an attribute of millions of numbers.
      case .graphNodes: return (.onnxTypes, FuzzTests.message(7, filled([0x0A, 3, 0x22, 1, 0x41])))
      case .graphNumbers:
        let list = FuzzTests.message(5, FuzzTests.message(8, filled([1])))
        return (.onnxTypes, FuzzTests.message(7, FuzzTests.message(1, [0x22, 1, 0x41] + list)))
      }
    }
  }

  /// A file of the format before torch 1.6 whose object is `pickle`.
  private static func legacy(_ pickle: [UInt8]) -> [UInt8] {
    let magic: [UInt8] = [
      0x80, 2, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E,
    ]
    let header: [UInt8] = [0x80, 2, 0x4D, 0xE9, 3, 0x2E, 0x80, 2, 0x7D, 0x2E]
    return magic + header + [0x80, 2] + pickle
  }

  /// A field of Protocol Buffers that holds `bytes`.
  private static func message(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] {
    var head = [number << 3 | 2]
    var rest = bytes.count
    while rest >= 0x80 {
      head.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    return head + [UInt8(rest)] + bytes
  }

  private static func safetensors(_ shape: String, end: String) -> [UInt8] {
    let json = "{\"a\":{\"dtype\":\"F32\",\"shape\":\(shape),\"data_offsets\":[0,\(end)]}}"
    return [UInt8(json.utf8.count), 0, 0, 0, 0, 0, 0, 0] + Array(json.utf8)
  }

  private static func npy(_ shape: String) -> [UInt8] {
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': \(shape), }\n"
    return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.utf8.count), 0] + Array(header.utf8)
  }
}
