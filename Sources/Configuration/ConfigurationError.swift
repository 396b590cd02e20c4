/// What is wrong with a configuration: where it stands, what it says, what to do.
package struct ConfigurationError: Error, Equatable, CustomStringConvertible {
  /// `FILE:LINE` or `--option`; nil where the configuration was made by a program.
  package let origin: String?
  /// One sentence without the place.
  package let message: String
  /// Whether the sentence names the option itself, so that its key need not stand before it.
  let namesOption: Bool

  /// An error in what stands at `origin`; `message` is one sentence without it.
  package init(origin: String? = nil, _ message: String, namesOption: Bool = false) {
    self.origin = origin
    self.message = message
    self.namesOption = namesOption
  }

  package var description: String { origin.map { "\($0): \(message)" } ?? message }
}

/// The valid word that a mistyped one most likely means.
package enum NearestName {
  /// Number of letters to insert, delete, replace or swap with a neighbour to turn `a` into `b`
  /// (optimal string alignment).
  package static func distance(_ a: String, _ b: String) -> Int {
    let a = Array(a.lowercased())
    let b = Array(b.lowercased())
    var before = [Int](repeating: 0, count: b.count + 1)
    var previous = Array(0...b.count)
    for i in 0..<a.count {
      var current = [i + 1] + [Int](repeating: 0, count: b.count)
      for j in 0..<b.count {
        let replaced = previous[j] + (a[i] == b[j] ? 0 : 1)
        current[j + 1] = min(replaced, previous[j + 1] + 1, current[j] + 1)
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
          current[j + 1] = min(current[j + 1], before[j - 1] + 1)
        }
      }
      before = previous
      previous = current
    }
    return previous[b.count]
  }

  /// The candidate that `word` means in other programs, else the nearest to it, the first of
  /// equals; nil without candidates.
  package static func of(_ word: String, among candidates: [String]) -> String? {
    if let known = UsualNames.meaning(of: word, among: candidates) { return known }
    return candidates.min { distance(word, $0) < distance(word, $1) }
  }

  /// "unknown KIND 'WORD'; did you mean 'NEAREST'?", with the candidates where they are few.
  package static func complaint(_ kind: String, _ word: String, among candidates: [String])
    -> String
  {
    var text = "unknown \(kind) '\(word)'"
    if let nearest = of(word, among: candidates) { text += "; did you mean '\(nearest)'?" }
    if !candidates.isEmpty, candidates.count <= 24 {
      text += " (valid: \(candidates.joined(separator: ", ")))"
    }
    return text
  }
}
