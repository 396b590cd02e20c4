internal import Datasets
internal import Interchange
internal import Sessions

/// The list that `--exclude` takes of what was found.
struct CleaningList {
  private(set) var lines: [String] = []
  /// Photos and people that it leaves out, and people whose photos it says to be others'.
  private(set) var counts = (photos: 0, people: 0, merged: 0)

  /// What to do about `findings` in the photos of `index`. Throws `CleaningError` for a name that a
  /// line cannot hold.
  init(_ findings: CleaningFindings, of index: PhotoIndex, sets: [String]) throws {
    var lost: Set<Int> = []
    for (set, overlaps) in zip(sets, findings.overlaps) {
      for overlap in overlaps where lost.insert(overlap.person).inserted {
        try append(
          person: index.people[overlap.person], "drop",
          "also in \(set), cosine \(Self.text(overlap.cosine))")
        counts.people += 1
      }
    }
    for merge in findings.merges {
      let kept = index.people[merge.kept]
      for other in merge.others {
        try append(
          person: index.people[other.person], "=" + kept, "cosine \(Self.text(other.cosine))")
        counts.merged += 1
      }
    }
    for stranger in findings.strangers where !lost.contains(index.photos.person(of: stranger.photo))
    {
      try append(
        index.photos[stranger.photo].path, "drop", Self.reason(stranger, in: index))
      counts.photos += 1
    }
    for far in findings.far where !lost.contains(index.photos.person(of: far.photo)) {
      try append(
        index.photos[far.photo].path, "drop",
        "far from the main centre, \(Self.text(degrees: far.degrees)) degrees")
      counts.photos += 1
    }
    for duplicate in findings.duplicates {
      for other in duplicate.others {
        try append(
          index.photos[other.photo].path, "drop",
          "copy of \(index.photos[duplicate.kept].path), cosine \(Self.text(other.cosine))")
        counts.photos += 1
      }
    }
  }

  /// "stranger, cosine 0.1130", "stranger, cosine 0.8120 to bob".
  private static func reason(
    _ stranger: CleaningFindings.Stranger, in index: PhotoIndex
  ) -> String {
    guard let like = stranger.like else { return "stranger, cosine \(text(stranger.cosine))" }
    return "stranger, cosine \(text(like.cosine)) to \(index.people[like.person])"
  }

  private mutating func append(person: String, _ fate: String, _ reason: String) throws {
    try append(person + "/", fate, reason)
  }

  private mutating func append(_ name: String, _ fate: String, _ reason: String) throws {
    for word in [name, fate] {
      guard !word.hasPrefix("#"), !word.contains(where: { $0.isNewline || $0 == "\t" }) else {
        throw CleaningError.unwritableName(word)
      }
    }
    lines.append("\(name)\t\(fate)\t\(Self.inOneLine(reason))")
  }

  private static func inOneLine(_ text: String) -> String {
    text.split { $0.isNewline || $0 == "\t" }.joined(separator: " ")
  }

  /// Writes the list to `path`, below lines that say what it is of.
  func write(to path: String, of title: String) throws {
    let head = ["# What ddp-train check found in \(Self.inOneLine(title)), for --exclude"]
    try TextFile.write((head + lines).joined(separator: "\n") + "\n", to: path)
  }

  /// An angle with two digits.
  static func text(degrees: Double) -> String { Console.fixed(degrees, 2) }

  /// A cosine with four digits, rounded towards 0.
  static func text(_ cosine: Double?) -> String {
    guard let cosine, cosine.isFinite else { return "unknown" }
    let digits = String(Int((abs(cosine) * 1e4).rounded(.down)))
    let padded = String(repeating: "0", count: max(0, 5 - digits.count)) + digits
    return (cosine < 0 ? "-" : "") + padded.dropLast(4) + "." + padded.suffix(4)
  }
}
