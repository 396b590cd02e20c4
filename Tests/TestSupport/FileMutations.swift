private import Determinism

/// Files that went wrong: cut short, with flipped bits, overwritten, repeated or shuffled bytes.
package struct FileMutations {
  let original: [UInt8]

  package init(original: [UInt8]) { self.original = original }

  /// Bytes that mean something in one format or another: full and empty, opcodes, separators,
  /// digits.
  private static let telling: [UInt8] = [0, 0xFF, 0x7F, 0x80] + Array(".(9-0,\"\t\n {".utf8)

  /// Mutation `index` of the file, one to eight changes: a function of the index.
  package func bytes(_ index: Int) -> [UInt8] {
    let random = CounterRandom(seed: 1, purpose: .testing, index)
    var drawn = 0
    func draw(below limit: Int) -> Int {
      drawn += 1
      return random.integer(drawn, below: max(1, limit))
    }
    var bytes = original
    for _ in 0...draw(below: 8) where !bytes.isEmpty {
      // Structure stands at the beginning and at the end: half of the changes go there.
      let near = draw(below: min(bytes.count, 700))
      let place =
        switch draw(below: 4) {
        case 0: near
        case 1: bytes.count - 1 - near
        default: draw(below: bytes.count)
        }
      let stretch = place..<min(place + 1 + draw(below: 64), bytes.count)
      switch draw(below: 9) {
      case 0: bytes[place] ^= 1 << UInt8(draw(below: 8))
      case 1: bytes[place] = UInt8(draw(below: 256))
      case 2, 3: bytes[place] = Self.telling[draw(below: Self.telling.count)]
      case 4: bytes.removeSubrange(place...)
      case 5: bytes.removeSubrange(stretch)
      case 6: bytes.insert(contentsOf: Array(bytes[stretch]), at: place)
      case 7: for i in stretch { bytes[i] = 0 }
      // A length that overflows, wherever it lands.
      default: for i in place..<min(place + 8, bytes.count) { bytes[i] = 0xFF }
      }
    }
    return bytes
  }
}
