/// What is wrong with a pairs file, and on which line.
package struct PairsFileError: Error, Equatable, CustomStringConvertible {
  /// The name of the file as the user gave it.
  package let file: String
  /// Counted from one.
  package let line: Int
  /// What is wrong and what is expected.
  package let problem: String

  /// `file:line: problem`.
  package var description: String { "\(file):\(line): \(problem)" }
}

/// A pairs file of LFW: `pairs.txt` (View 2) or `pairsDevTrain.txt`, `pairsDevTest.txt` (View 1).
///
/// Line 1 of View 2 holds the number of folds and n; every fold has n lines `name i j` of one
/// person, then n lines `name1 i name2 j` of two. Line 1 of View 1 holds n alone: one set, which is
/// cut into ten folds by interleaving (pair i of either kind goes to fold i mod 10), so that every
/// fold has as many pairs of one person as of two and none is made of a single stretch of the
/// alphabet.
package struct PairsFile: Sendable {
  /// One line of the file.
  package struct Entry: Sendable, Equatable {
    /// The paths of the photos by LFW's rule, `name/name_%04d.jpg`.
    package let first: String
    package let second: String
    package let isSame: Bool
    /// Counted from zero.
    package let fold: Int
    /// Counted from one.
    package let line: Int
  }

  /// The folds a file without folds is cut into.
  package static let interleavedFoldCount = 10

  package let entries: [Entry]
  package let foldCount: Int
  /// How the folds were made, in words.
  package let foldRule: String

  /// Parses `text`; `file` names it in errors. Throws `PairsFileError` at the first bad line.
  package init(parsing text: String, file: String) throws(PairsFileError) {
    var lines = text.split(omittingEmptySubsequences: false) { $0.isNewline }
    while let last = lines.last, last.allSatisfy(\.isWhitespace) { lines.removeLast() }
    func fail(_ line: Int, _ problem: String) -> PairsFileError {
      PairsFileError(file: file, line: line, problem: problem)
    }
    guard let header = lines.first else {
      throw fail(1, "the file is empty; the first line of an LFW pairs file holds its counts")
    }
    let counts = Self.fields(header).map { Int($0) ?? 0 }
    guard (1...2).contains(counts.count), counts.allSatisfy({ (1...1_000_000).contains($0) })
    else {
      throw fail(1, "'\(header)' is neither 'folds<TAB>pairs' nor a single count of pairs")
    }
    let hasFolds = counts.count == 2
    let blocks = hasFolds ? counts[0] : 1
    let perKind = hasFolds ? counts[1] : counts[0]
    let expected = 2 * blocks * perKind
    guard lines.count - 1 == expected else {
      let culprit = lines.count - 1 < expected ? lines.count + 1 : expected + 2
      throw fail(culprit, "line 1 promises \(expected) pairs, the file has \(lines.count - 1)")
    }

    let foldCount = hasFolds ? blocks : min(Self.interleavedFoldCount, perKind)
    self.foldCount = foldCount
    foldRule =
      hasFolds
      ? "the \(blocks) folds of the file"
      : "\(foldCount) interleaved folds (pair i of either kind is in fold i mod \(foldCount))"
    var entries: [Entry] = []
    entries.reserveCapacity(expected)
    for index in 0..<expected {
      let line = index + 2
      let isSame = index % (2 * perKind) < perKind
      let fold = hasFolds ? index / (2 * perKind) : index % perKind % foldCount
      switch Self.photos(of: lines[index + 1], isSame: isSame) {
      case .success(let photos):
        entries.append(
          Entry(first: photos.0, second: photos.1, isSame: isSame, fold: fold, line: line))
      case .failure(let problem): throw fail(line, problem.text)
      }
    }
    self.entries = entries
  }

  /// Finds the photos of every pair in `photos`, paths relative to the data folder.
  ///
  /// A photo matches by its whole path, or else by its last two components where only one photo
  /// has them. Pairs with a photo that is not there are left out and listed.
  package func resolved(against photos: [String]) -> VerificationPairs {
    var byPath: [String: Int] = [:]
    var byTail: [String: Int] = [:]
    let ambiguous = -1
    for (index, photo) in photos.enumerated() {
      byPath[photo] = index
      let tail = photo.split(separator: "/").suffix(2).joined(separator: "/")
      byTail[tail] = byTail[tail] == nil ? index : ambiguous
    }
    func find(_ path: String) -> Int? {
      byPath[path] ?? byTail[path].flatMap { $0 == ambiguous ? nil : $0 }
    }
    var pairs: [VerificationPairs.Pair] = []
    var skipped: [VerificationPairs.Skipped] = []
    for entry in entries {
      if let first = find(entry.first), let second = find(entry.second) {
        pairs.append(.init(first: first, second: second, isSame: entry.isSame, fold: entry.fold))
      } else {
        let missing = [entry.first, entry.second].filter { find($0) == nil }
        skipped.append(.init(line: entry.line, missingPhotos: missing))
      }
    }
    return VerificationPairs(
      pairs: pairs, foldCount: foldCount, foldRule: foldRule, skipped: skipped)
  }

  private struct Problem: Error { let text: String }

  /// Tabs separate LFW's fields; files rewritten with spaces are read too.
  private static func fields(_ line: Substring) -> [Substring] {
    line.contains("\t")
      ? line.split(separator: "\t").map(\.trimmed) : line.split(whereSeparator: \.isWhitespace)
  }

  private static func photos(
    of line: Substring, isSame: Bool
  ) -> Result<(String, String), Problem> {
    let fields = fields(line)
    guard fields.count == (isSame ? 3 : 4) else {
      let form = isSame ? "three fields, 'name i j'" : "four fields, 'name1 i name2 j'"
      return .failure(Problem(text: "'\(line)' does not have \(form)"))
    }
    let names = isSame ? [fields[0], fields[0]] : [fields[0], fields[2]]
    let numbers = isSame ? [fields[1], fields[2]] : [fields[1], fields[3]]
    var photos: [String] = []
    for (name, digits) in zip(names, numbers) {
      guard let number = Int(digits), number > 0 else {
        return .failure(Problem(text: "'\(digits)' is not the number of a photo"))
      }
      let padding = String(repeating: "0", count: max(0, 4 - String(number).count))
      photos.append("\(name)/\(name)_\(padding)\(number).jpg")
    }
    if photos[0] == photos[1] {
      return .failure(Problem(text: "the pair compares the photo \(photos[0]) with itself"))
    }
    if !isSame, names[0] == names[1] {
      return .failure(Problem(text: "a pair of two people names \(names[0]) twice"))
    }
    return .success((photos[0], photos[1]))
  }
}

extension Substring {
  /// Without white space at either end.
  fileprivate var trimmed: Substring {
    var text = drop(while: \.isWhitespace)
    while let last = text.last, last.isWhitespace { text.removeLast() }
    return text
  }
}
