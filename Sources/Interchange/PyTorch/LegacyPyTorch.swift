/// A file of `torch.save` before version 1.6: pickles of a magic number, the protocol, the machine,
/// the object and the storages' keys; then each storage with its count.
struct LegacyPyTorch {
  /// A pickle of protocol 2 of 0x1950a86a20f9469cfc6c.
  private static let magic: [UInt8] = [
    0x80, 2, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E,
  ]

  let document: PickleDocument
  private let file: PositionedFile
  private let keys: [String]
  private let dataStart: Int

  /// Whether a file that begins with `bytes` is of this format.
  static func begins(_ bytes: [UInt8]) -> Bool { bytes.starts(with: magic) }

  /// Reads the pickles, which come before the storages; throws `PickleProblem`, `TorchRefusal` or
  /// `InterchangeError`.
  init(_ file: PositionedFile) throws {
    self.file = file
    // Pickles have no length: they are read from a prefix of the file that grows as it must.
    var prefix = min(file.byteCount, 1 << 16)
    while true {
      do {
        let bytes = try file.bytes(at: 0, count: prefix)
        (document, keys, dataStart) = try Self.pickles(bytes, fileByteCount: file.byteCount)
        return
      } catch let problem as PickleProblem {
        if prefix == file.byteCount { throw problem }
        prefix = min(file.byteCount, prefix * 4)
      }
    }
  }

  private static func pickles(
    _ bytes: [UInt8], fileByteCount: Int
  ) throws -> (document: PickleDocument, keys: [String], end: Int) {
    func read(from start: Int) throws -> (document: PickleDocument, end: Int) {
      try PickleReader.read(bytes[start...], fileByteCount: fileByteCount)
    }
    let protocolVersion = try read(from: magic.count)
    guard protocolVersion.document.integer(protocolVersion.document.root) == 1001 else {
      throw PickleProblem(message: "another protocol than 1001")
    }
    let machine = try read(from: protocolVersion.end)
    for (key, value) in machine.document.pairs(machine.document.root) ?? []
    where machine.document.text(key) == "little_endian" {
      if case .bool(false) = machine.document[value] {
        throw TorchRefusal(message: "big-endian storages")
      }
    }
    let object = try read(from: machine.end)
    let list = try read(from: object.end)
    let keys = (list.document.elements(list.document.root) ?? []).compactMap {
      list.document.text($0)
    }
    return (object.document, keys, list.end)
  }

  /// Where the bytes of the storages of `tensors` lie, by key; throws `PickleProblem`.
  func storages(_ tensors: some Sequence<TorchTensor>) throws -> [String: Range<Int>] {
    let types = Dictionary(
      tensors.map { ($0.storageKey, $0.type) }, uniquingKeysWith: { first, _ in first })
    var ranges: [String: Range<Int>] = [:]
    var at = dataStart
    for key in keys {
      guard at <= file.byteCount - 8 else {
        throw PickleProblem(message: "the end of the storages", isCutShort: true)
      }
      guard let count = LittleEndianBytes(try file.bytes(at: at, count: 8)).word64(0) else {
        throw PickleProblem(message: "a storage without size")
      }
      guard let type = types[key] else {
        throw TorchRefusal(
          message: "an old checkpoint with more than a state dict; load it and save the state dict "
            + "alone")
      }
      let (size, overflows) = count.multipliedReportingOverflow(by: type.byteCount)
      guard !overflows, size <= file.byteCount - at - 8 else {
        throw PickleProblem(message: "an end inside a storage", isCutShort: true)
      }
      ranges[key] = at + 8..<at + 8 + size
      at += 8 + size
    }
    return ranges
  }
}
