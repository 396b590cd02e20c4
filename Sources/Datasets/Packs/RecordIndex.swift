internal import Threads

/// Where the records of a RecordIO file begin, by key: its `.idx`, lines `key<TAB>byte offset`.
///
/// 8 bytes a record where the keys are consecutive, as they usually are, in any order of lines.
struct RecordIndex: Sendable {
  private let firstKey: Int
  /// Ascending; empty where the keys are consecutive.
  private let keys: [Int]
  private let offsets: [Int]

  var count: Int { offsets.count }

  /// Reads the `.idx` at `path`; throws `DatasetError`. `meter` counts its lines.
  init(path: String, meter: WorkMeter? = nil) throws(DatasetError) {
    var (count, least, most) = (0, Int.max, -1)
    try Self.forEach(path) { (key, _, _) throws(DatasetError) in
      count += 1
      meter?.add()
      least = min(least, key)
      most = max(most, key)
    }
    guard count > 0 else { throw .unusable(path: path, reason: "names no records") }
    if most - least == count - 1 {
      var places = [Int](repeating: -1, count: count)
      try Self.forEach(path) { (key, offset, line) throws(DatasetError) in
        guard places[key - least] < 0 else {
          throw .badLine(path: path, line: line, reason: "key \(key) stands here a second time")
        }
        places[key - least] = offset
      }
      self.init(firstKey: least, keys: [], offsets: places)
    } else {
      var pairs: [(Int, Int)] = []
      pairs.reserveCapacity(count)
      try Self.forEach(path) { (key, offset, _) throws(DatasetError) in pairs.append((key, offset))
      }
      try self.init(pairs, path: path)
    }
  }

  /// Records by key, in any order; throws `DatasetError` where a key stands twice.
  init(_ pairs: consuming [(Int, Int)], path: String) throws(DatasetError) {
    var sorted = pairs
    sorted.sort { $0.0 < $1.0 }
    let first = sorted.first?.0 ?? 0
    for (a, b) in zip(sorted, sorted.dropFirst()) where a.0 == b.0 {
      throw .unusable(path: path, reason: "has key \(a.0) twice; make its .idx anew")
    }
    let isConsecutive = sorted.isEmpty || sorted[sorted.count - 1].0 - first == sorted.count - 1
    self.init(
      firstKey: first, keys: isConsecutive ? [] : sorted.map(\.0), offsets: sorted.map(\.1))
  }

  private init(firstKey: Int, keys: [Int], offsets: [Int]) {
    self.firstKey = firstKey
    self.keys = keys
    self.offsets = offsets
  }

  func key(at position: Int) -> Int { keys.isEmpty ? firstKey + position : keys[position] }

  func offset(at position: Int) -> Int { offsets[position] }

  /// The greatest offset; nil where there are no records.
  var lastOffset: Int? { offsets.max() }

  /// The position of the first record whose key is `key` or more.
  func position(from key: Int) -> Int {
    if keys.isEmpty { return min(max(key - firstKey, 0), count) }
    var (low, high) = (0, keys.count)
    while low < high {
      let middle = (low + high) / 2
      if keys[middle] < key { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// The offset of the record `key`, nil where there is none.
  func offset(of key: Int) -> Int? {
    let position = position(from: key)
    return position < count && self.key(at: position) == key ? offsets[position] : nil
  }

  private static func forEach(
    _ path: String, _ body: (Int, Int, Int) throws(DatasetError) -> Void
  ) throws(DatasetError) {
    try LineReader.forEach(path) { (line, number) throws(DatasetError) in
      if line.isEmpty { return }
      var at = 0
      func digits() -> Int? {
        let start = at
        var value = 0
        while at < line.count, line[at] &- 0x30 < 10, at - start < 18 {
          value = value * 10 + Int(line[at] - 0x30)
          at += 1
        }
        return at > start ? value : nil
      }
      let key = digits()
      let isSeparated = at < line.count && line[at] == 0x09
      at += 1
      guard let key, isSeparated, let offset = digits(),
        at == line.count || line[at] == 0x20 || line[at] == 0x09
      else { throw .badLine(path: path, line: number, reason: "is not 'key<TAB>byte offset'") }
      try body(key, offset, number)
    }
  }
}
