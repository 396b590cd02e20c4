private import Foundation
internal import Interchange

/// A line of `metrics.jsonl` by its members, for the logs beside it that lack what it tells.
struct MetricsLine {
  /// The members in the order of the line, those of a nested object by its name and theirs. A text
  /// is as it stands there, which names the bits of a number; strings are without their quotes.
  let members: [(path: [String], text: String)]

  /// Nil for what is no line of metrics.
  init?(_ line: some Sequence<UInt8>) {
    var scanner = MetricsScanner(line)
    guard scanner.readLine() else { return nil }
    members = scanner.members
  }

  /// The text of the member at `path`; nil where there is none.
  func text(_ path: [String]) -> String? { members.first { $0.path == path }?.text }

  /// The number at `path`, NaN for none.
  func number(_ path: [String]) -> Double { text(path).flatMap { Double($0) } ?? .nan }

  /// The figures of every set of an evaluation with the texts of their values, in their order.
  var figures: [(set: String, figure: String, text: String)] {
    let named = members.filter { $0.path.count == 4 && $0.path[1] == "sets" }
      .map { (set: $0.path[2], figure: $0.path[3], text: $0.text) }
    guard named.isEmpty else { return named }
    return members.filter {
      $0.path.count == 2 && !["step", "evaluation_seconds"].contains($0.path[1])
    }.map { (set: "", figure: $0.path[1], text: $0.text) }
  }

  /// What a line tells of.
  enum Kind {
    case step, evaluation

    /// The bytes before the number of the step.
    fileprivate var start: StaticString {
      switch self {
      case .step: "{\"step\":"
      case .evaluation: "{\"evaluation\":{\"step\":"
      }
    }
  }

  /// Lends `body` each line of that kind in the file at `path`, up to those after `step` steps.
  /// Throws `InterchangeError` and what `body` throws.
  static func forEach(
    _ kind: Kind, in path: String, upTo step: Int, _ body: (MetricsLine) throws -> Void
  ) throws {
    try forEachBytes(kind, in: path, upTo: step) { bytes in
      if let line = MetricsLine(bytes) { try body(line) }
    }
  }

  /// The last of those lines. Throws `InterchangeError`.
  static func last(_ kind: Kind, in path: String, upTo step: Int) throws -> MetricsLine? {
    var last: [UInt8]?
    try forEachBytes(kind, in: path, upTo: step) { last = Array($0) }
    return last.flatMap { MetricsLine($0) }
  }

  /// How many those lines are. Throws `InterchangeError`.
  static func count(_ kind: Kind, in path: String, upTo step: Int) throws -> Int {
    var count = 0
    try forEachBytes(kind, in: path, upTo: step) { _ in count += 1 }
    return count
  }

  private static func forEachBytes(
    _ kind: Kind, in path: String, upTo step: Int,
    _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    try TextLines.forEach(path) { bytes, _, isWhole in
      let bytes = bytes.withoutWhiteSpaceBehind
      guard isWhole, bytes.starts(with: kind.start),
        bytes.number(at: kind.start.utf8CodeUnitCount) <= Double(step)
      else { return }
      try body(bytes)
    }
  }
}

/// Reads one object of JSON: numbers, words, strings, flat lists and objects.
private struct MetricsScanner {
  private let bytes: [UInt8]
  private var place = 0
  private var path: [String] = []
  private(set) var members: [(path: [String], text: String)] = []

  init(_ line: some Sequence<UInt8>) { bytes = Array(line) }

  /// Whether the whole line is an object.
  mutating func readLine() -> Bool { readObject() && place == bytes.count }

  private mutating func take(_ letter: Unicode.Scalar) -> Bool {
    guard place < bytes.count, bytes[place] == UInt8(ascii: letter) else { return false }
    place += 1
    return true
  }

  private mutating func readObject() -> Bool {
    guard take("{") else { return false }
    if take("}") { return true }
    repeat {
      guard let name = readString(), take(":") else { return false }
      path.append(name)
      guard readValue() else { return false }
      path.removeLast()
    } while take(",")
    return take("}")
  }

  private mutating func readValue() -> Bool {
    guard place < bytes.count else { return false }
    switch bytes[place] {
    case UInt8(ascii: "{"): return readObject()
    case UInt8(ascii: "\""):
      guard let text = readString() else { return false }
      members.append((path, text))
      return true
    case UInt8(ascii: "["):
      guard let end = bytes[place...].firstIndex(of: UInt8(ascii: "]")) else { return false }
      place = end + 1
      return true
    default:
      let ends: [UInt8] = [UInt8(ascii: ","), UInt8(ascii: "}")]
      guard let end = bytes[place...].firstIndex(where: { ends.contains($0) }), end > place else {
        return false
      }
      members.append((path, String(decoding: bytes[place..<end], as: UTF8.self)))
      place = end
      return true
    }
  }

  private mutating func readString() -> String? {
    guard take("\"") else { return nil }
    let start = place
    var isEscaped = false
    while place < bytes.count, bytes[place] != UInt8(ascii: "\"") {
      isEscaped = isEscaped || bytes[place] == UInt8(ascii: "\\")
      place += bytes[place] == UInt8(ascii: "\\") ? 2 : 1
    }
    guard place < bytes.count else { return nil }
    let inner = bytes[start..<place]
    place += 1
    guard isEscaped else { return String(decoding: inner, as: UTF8.self) }
    return try? JSONDecoder().decode(String.self, from: Data(bytes[start - 1..<place]))
  }
}
