internal import Interchange

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

/// A list of pairs to verify, as LFW and those after it write them.
///
/// LFW's `pairs.txt` (View 2) begins with the number of folds and n; every fold has n lines
/// `name i j` of one person, then n lines `name1 i name2 j` of two. Line 1 of View 1
/// (`pairsDevTest.txt`) holds n alone. Other lists have no counts: lines of LFW's,
/// `path path 1`, `1 path path`, or a pair in two lines `path 1` (1 for one person, 0 for two),
/// with tabs, spaces or commas between.
///
/// Pairs without folds of their own are cut into ten by interleaving (pair i of either kind goes to
/// fold i mod 10), so that every fold has as many pairs of one person as of two and none is made of
/// a single stretch of the alphabet; where stretches of n pairs of one person and n of two follow
/// each other, as in LFW, those are the folds.
package struct PairsFile: Sendable {
  /// One pair of the file.
  package struct Entry: Sendable, Equatable {
    /// The paths of the photos; by LFW's rule, `name/name_%04d.jpg`, where it has numbers.
    package let first: String
    /// The path of the other photo.
    package let second: String
    /// Whether both show one person.
    package let isSame: Bool
    /// Counted from zero.
    package let fold: Int
    /// Counted from one.
    package let line: Int
  }

  /// The folds a file without folds is cut into.
  package static let interleavedFoldCount = 10

  /// The pairs, in the order of the file.
  package let entries: [Entry]
  /// Folds that the pairs are in.
  package let foldCount: Int
  /// How the folds were made, in words.
  package let foldRule: String

  /// Parses `text`; `file` names it in errors. Throws `PairsFileError` at the first bad line.
  package init(parsing text: String, file: String) throws(PairsFileError) {
    let reader = try PairsReader(text, file: file)
    let folds = try PairsFolds(of: reader)
    foldCount = folds.count
    foldRule = folds.rule
    entries = zip(reader.pairs, folds.folds).map { pair, fold in
      Entry(
        first: pair.first, second: pair.second, isSame: pair.isSame, fold: fold, line: pair.line)
    }
  }

  /// Finds the photos of every pair in `photos`, paths relative to the data folder.
  ///
  /// `PhotoLookup` says what a name means. Pairs with a photo that is not there, with a name that
  /// several have, and pairs of a photo with itself are left out and listed.
  package func resolved(against photos: [String]) -> VerificationPairs {
    var lookup = PhotoLookup(photos)
    var pairs: [VerificationPairs.Pair] = []
    var skipped: [VerificationPairs.Skipped] = []
    for entry in entries {
      var found: [Int] = []
      var missing: [String] = []
      var reasons: [String] = []
      for name in [entry.first, entry.second] {
        switch lookup.find(name) {
        case .one(let photo): found.append(photo)
        case .none: missing.append(name)
        case .several(let all):
          let others = all.contains { photos[$0] != name }
          reasons.append(
            "\(all.count) photos are called \(name)" + (others ? ": \(lookup.text(all))" : ""))
        }
      }
      if found.count == 2, found[0] == found[1] {
        reasons.append("compares \(photos[found[0]]) with itself")
      }
      if missing.isEmpty, reasons.isEmpty {
        pairs.append(
          .init(first: found[0], second: found[1], isSame: entry.isSame, fold: entry.fold))
      } else {
        skipped.append(.init(line: entry.line, missingPhotos: missing, reasons: reasons))
      }
    }
    return VerificationPairs(
      pairs: pairs, foldCount: foldCount, foldRule: foldRule, skipped: skipped)
  }
}
