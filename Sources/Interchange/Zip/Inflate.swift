/// What deflate has packed (RFC 1951), unpacked again.
package struct Inflate {
  /// Why bytes are no DEFLATE stream.
  package struct Problem: Error {
    let message: String
  }

  /// Deflate packs at most so many bytes into one: matches of 258 bytes in two bits.
  static let mostBytesPerByte = 1032

  private let packed: UnsafeBufferPointer<UInt8>
  private var position = 0
  /// The next bits of the input, the first one lowest.
  private var bits: UInt64 = 0
  private var bitCount = 0

  /// The `count` bytes that `packed` holds; throws `Problem` where it does not hold them.
  package static func bytes(of packed: [UInt8], count: Int) throws -> [UInt8] {
    guard count <= packed.count * mostBytesPerByte else {
      throw Problem(message: "\(packed.count) bytes cannot hold \(count)")
    }
    return try packed.withUnsafeBufferPointer { packed in
      try [UInt8](unsafeUninitializedCapacity: count) { room, written in
        var inflate = Inflate(packed: packed)
        try inflate.unpack(into: room, count: count)
        written = count
      }
    }
  }

  private init(packed: UnsafeBufferPointer<UInt8>) { self.packed = packed }

  // MARK: Bits

  private mutating func refill() {
    while bitCount <= 56, position < packed.count {
      bits |= UInt64(packed[position]) << UInt64(bitCount)
      position += 1
      bitCount += 8
    }
  }

  private mutating func take(_ count: Int) throws -> Int {
    refill()
    guard count <= bitCount else { throw Problem(message: "it is cut short") }
    let value = Int(bits & (1 << UInt64(count) - 1))
    bits >>= UInt64(count)
    bitCount -= count
    return value
  }

  private mutating func symbol(_ code: borrowing Code) throws -> Int {
    refill()
    guard let (symbol, length) = code.symbol(in: bits), length <= bitCount else {
      throw Problem(message: "it is cut short, or holds a code that means nothing")
    }
    bits >>= UInt64(length)
    bitCount -= length
    return symbol
  }

  // MARK: Blocks

  private mutating func unpack(
    into room: UnsafeMutableBufferPointer<UInt8>, count: Int
  ) throws {
    var done = 0
    var isLast = false
    while !isLast {
      isLast = try take(1) == 1
      switch try take(2) {
      case 0: try stored(into: room, &done, count)
      case 1: try codes(Self.fixed.literals, Self.fixed.distances, into: room, &done, count)
      case 2:
        let (literals, distances) = try dynamicCodes()
        try codes(literals, distances, into: room, &done, count)
      default: throw Problem(message: "it has a block of no kind")
      }
    }
    guard done == count else { throw Problem(message: "it holds \(done) bytes, not \(count)") }
  }

  private mutating func stored(
    into room: UnsafeMutableBufferPointer<UInt8>, _ done: inout Int, _ count: Int
  ) throws {
    _ = try take(bitCount % 8)
    let length = try take(16)
    guard try take(16) == ~length & 0xFFFF else {
      throw Problem(message: "it has a block of two lengths")
    }
    guard length <= count - done else {
      throw Problem(message: "it holds more than \(count) bytes")
    }
    for _ in 0..<length {
      room[done] = UInt8(try take(8))
      done += 1
    }
  }

  private static let lengthBases = [
    3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131,
    163, 195, 227, 258,
  ]
  private static let lengthBits = [
    0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
  ]
  private static let distanceBases = [
    1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537,
    2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577,
  ]

  private mutating func codes(
    _ literals: borrowing Code, _ distances: borrowing Code,
    into room: UnsafeMutableBufferPointer<UInt8>, _ done: inout Int, _ count: Int
  ) throws {
    while true {
      let symbol = try symbol(literals)
      if symbol == 256 { return }
      if symbol < 256 {
        guard done < count else { throw Problem(message: "it holds more than \(count) bytes") }
        room[done] = UInt8(symbol)
        done += 1
        continue
      }
      guard symbol - 257 < Self.lengthBases.count else {
        throw Problem(message: "it has a match of no length")
      }
      let length =
        Self.lengthBases[symbol - 257] + (try take(Self.lengthBits[symbol - 257]))
      let place = try self.symbol(distances)
      guard place < Self.distanceBases.count else {
        throw Problem(message: "it has a match from nowhere")
      }
      let distance = Self.distanceBases[place] + (try take(max(0, place / 2 - 1)))
      guard distance <= done, length <= count - done else {
        throw Problem(message: "it has a match beyond its bytes")
      }
      for _ in 0..<length {
        room[done] = room[done - distance]
        done += 1
      }
    }
  }

  private mutating func dynamicCodes() throws -> (Code, Code) {
    let literalCount = try take(5) + 257
    let distanceCount = try take(5) + 1
    let order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
    var lengths = [UInt8](repeating: 0, count: order.count)
    for place in order.prefix(try take(4) + 4) { lengths[place] = UInt8(try take(3)) }
    let code = try Code(lengths: lengths)
    lengths = []
    while lengths.count < literalCount + distanceCount {
      let symbol = try symbol(code)
      var (length, times): (UInt8, Int) = (0, 1)
      switch symbol {
      case 16:
        guard let last = lengths.last else { throw Problem(message: "it repeats nothing") }
        (length, times) = (last, try take(2) + 3)
      case 17: times = try take(3) + 3
      case 18: times = try take(7) + 11
      default: length = UInt8(symbol)
      }
      lengths += repeatElement(length, count: times)
    }
    guard lengths.count == literalCount + distanceCount, lengths[256] > 0 else {
      throw Problem(message: "it has lengths of codes that do not fit")
    }
    return (
      try Code(lengths: lengths[..<literalCount]), try Code(lengths: lengths[literalCount...])
    )
  }

  private static let fixed: (literals: Code, distances: Code) = {
    let literals = (0..<288).map { symbol -> UInt8 in
      symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8
    }
    guard let codes = try? (Code(lengths: literals), Code(lengths: Array(repeating: 5, count: 30)))
    else { fatalError("Inflate: the fixed codes") }
    return codes
  }()

  /// A canonical Huffman code.
  struct Code: Sendable {
    private static let tableBits = 10
    /// By the next bits: a symbol and, in its lowest four bits, its length; 0 for longer codes.
    private var table = [UInt16](repeating: 0, count: 1 << tableBits)
    private var counts = [Int](repeating: 0, count: 16)
    private var symbols: [UInt16] = []

    /// The code whose symbols have these lengths, 0 for those without; throws `Problem`.
    init(lengths: some Collection<UInt8>) throws {
      for length in lengths { counts[Int(length)] += 1 }
      counts[0] = 0
      var left = 1
      var starts = [Int](repeating: 0, count: 16)
      var firsts = [Int](repeating: 0, count: 16)
      for length in 1...15 {
        left = 2 * left - counts[length]
        guard left >= 0 else { throw Problem(message: "it has codes that are too many") }
        if length < 15 {
          starts[length + 1] = starts[length] + counts[length]
          firsts[length + 1] = (firsts[length] + counts[length]) << 1
        }
      }
      symbols = [UInt16](repeating: 0, count: counts.reduce(0, +))
      for (symbol, length) in lengths.enumerated() where length > 0 {
        let length = Int(length)
        symbols[starts[length]] = UInt16(symbol)
        starts[length] += 1
        let code = firsts[length]
        firsts[length] += 1
        guard length <= Self.tableBits else { continue }
        var place = 0
        for bit in 0..<length where code >> bit & 1 == 1 { place |= 1 << (length - 1 - bit) }
        while place < table.count {
          table[place] = UInt16(symbol) << 4 | UInt16(length)
          place += 1 << length
        }
      }
    }

    /// The symbol that `bits` begin with and its length; nil where they begin with none.
    func symbol(in bits: UInt64) -> (symbol: Int, length: Int)? {
      let entry = table[Int(bits & (1 << UInt64(Self.tableBits) - 1))]
      if entry != 0 { return (Int(entry >> 4), Int(entry & 15)) }
      var (code, first, index) = (0, 0, 0)
      for length in 1...15 {
        code |= Int(bits >> UInt64(length - 1) & 1)
        if code - counts[length] < first {
          return (Int(symbols[index + code - first]), length)
        }
        index += counts[length]
        first = (first + counts[length]) << 1
        code <<= 1
      }
      return nil
    }
  }
}
