internal import Foundation
internal import Interchange
internal import RunFolders

/// What one step left in `metrics.jsonl`, as far as two runs of the same mathematics must agree on
/// it.
struct StepTrace: Equatable {
  let step: Int
  let samples: Int
  /// As the file has them: the shortest text of a double names its bits.
  let loss: String
  let skippedSamples: Int
  let isSkipped: Bool
  let gradientHash: String
  let weightsHash: String
}

/// The steps of a run by their number, and what its log says of the machine. Of a step no more is
/// kept than where its line is and a hash of what two runs must agree on: a long run has a million.
struct RunTrace {
  private struct Place {
    var line: Range<Int>
    var hash: Int
  }

  private let metrics: String
  private let places: [Int: Place]
  /// Lines of a step behind the first of it, which is the one that counts.
  let repeated: Int
  /// The lines of the last start that begin with these words, without them.
  let program, processor: String?
  /// What the last start says of its photos: their fingerprint, then `PhotoSample.text`.
  let photos: String?
  /// The weights that the run began with, by their receipt, or as an earlier version says it.
  let firstWeights: String?
  /// The starts of the run, each by the step that it went on from and its number of ranks.
  let starts: [String]
  /// Where the class weights were in each start, and from which step on.
  let heads: [String]

  /// What two runs must agree on, in the order in which a line has them.
  private static let keys: [StaticString] = [
    "\"samples\":", "\"loss\":", "\"skipped_samples\":", "\"skipped\":", "\"gradient_hash\":",
    "\"weights_hash\":",
  ]

  /// Reads `metrics.jsonl` and `log.txt` of a run's folder; throws `InterchangeError.unreadable`
  /// where there are no metrics.
  init(of folder: RunFolder) throws {
    metrics = folder.metrics
    guard FileManager.default.fileExists(atPath: metrics) else {
      throw InterchangeError.unreadable(
        path: folder.path, reason: "it is no run folder: it has no metrics.jsonl")
    }
    var places: [Int: Place] = [:]
    var repeated = 0
    try TextLines.forEach(metrics) { line, offset, _ in
      let line = line.withoutWhiteSpaceBehind
      guard line.first == UInt8(ascii: "{"), line.last == UInt8(ascii: "}"),
        let found = line.firstOffset(of: "\"step\":")
      else { return }
      let step = line.number(at: found + 7)
      guard line.starts(with: "{\"step\":"), step >= 0, step < 0x1p53 else { return }
      if places[Int(step)] != nil {
        repeated += 1
        return
      }
      places[Int(step)] = Place(line: offset..<offset + line.count, hash: Self.hash(of: line))
    }
    (self.places, self.repeated) = (places, repeated)
    var last: [String: String] = [:]
    var starts: [(ranks: Int, step: String, isDivided: Bool)] = []
    try TextLines.forEach(folder.log) { line, _, _ in
      // Behind the time.
      let words = line.withoutWhiteSpaceBehind.drop { $0 != UInt8(ascii: " ") }.dropFirst()
      func text(behind word: String) -> String? {
        guard words.starts(with: word.utf8) else { return nil }
        return String(decoding: words.dropFirst(word.utf8.count), as: UTF8.self)
      }
      for word in ["program: ", "processor: ", "first weights: ", "photos: "] {
        if let text = text(behind: word) { last[word] = text }
      }
      if let places = text(behind: "ranks: ") {
        let list = try? JSONSerialization.jsonObject(with: Data(places.utf8))
        starts.append(((list as? [Any])?.count ?? 1, "0", false))
      } else if let step = text(behind: "resumed: step "), !starts.isEmpty {
        starts[starts.count - 1].step = step
      } else if let model = text(behind: "model: "), !starts.isEmpty {
        starts[starts.count - 1].isDivided = model.contains(", divided: ")
      }
    }
    (program, processor, photos) = (last["program: "], last["processor: "], last["photos: "])
    firstWeights = last["first weights: "].map { line in
      line.components(separatedBy: ", weights ").last ?? line
    }
    heads = starts.map { "\($0.isDivided ? "divided" : "whole") from step \($0.step)" }
    self.starts = starts.map { "\($0.ranks) rank\($0.ranks == 1 ? "" : "s") from step \($0.step)" }
  }

  /// The steps there are, in no order.
  var steps: some Sequence<Int> { places.keys }

  func has(_ step: Int) -> Bool { places[step] != nil }

  /// The steps that lack between those there are, and before them where the run began with the
  /// first; all up to `last` where there are none.
  func gaps(upTo last: Int) -> StepGaps {
    let sorted = places.keys.sorted()
    let isWhole = starts.first?.hasSuffix(" from step 0") ?? true
    var gaps = StepGaps(after: isWhole ? 0 : (sorted.first ?? 1) - 1)
    for step in sorted { gaps.add(step) }
    if sorted.isEmpty { gaps.end(at: last) }
    return gaps
  }

  /// Whether both have the step and agree in all that counts.
  func agrees(with other: RunTrace, at step: Int) -> Bool {
    guard let own = places[step], let its = other.places[step] else { return false }
    return own.hash == its.hash
  }

  /// What the step left; throws `InterchangeError` where its line cannot be read again.
  func trace(of step: Int) throws -> StepTrace {
    let object = try places[step].flatMap { place in
      try JSONSerialization.jsonObject(with: line(place.line)) as? [String: Any]
    }
    guard let object else {
      throw InterchangeError.corrupt(path: metrics, reason: "it has no sound line of step \(step)")
    }
    return StepTrace(
      step: step, samples: object["samples"] as? Int ?? 0,
      loss: (object["loss"] as? Double).map { "\($0)" } ?? "no number",
      skippedSamples: object["skipped_samples"] as? Int ?? 0,
      isSkipped: object["skipped"] as? Bool ?? false,
      gradientHash: object["gradient_hash"] as? String ?? "",
      weightsHash: object["weights_hash"] as? String ?? "")
  }

  private func line(_ range: Range<Int>) throws -> Data {
    do {
      let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: metrics))
      defer { try? file.close() }
      try file.seek(toOffset: UInt64(range.lowerBound))
      return try file.read(upToCount: range.count) ?? Data()
    } catch {
      throw InterchangeError.unreadable(path: metrics, reason: "\(error.localizedDescription)")
    }
  }

  /// A hash, within this process, of what stands behind the keys.
  private static func hash(of line: UnsafeRawBufferPointer) -> Int {
    var hasher = Hasher()
    var place = 0
    for key in keys {
      guard let found = line.firstOffset(of: key, from: place) else {
        hasher.combine(-1)
        continue
      }
      let start = found + key.utf8CodeUnitCount
      let end =
        line[start...].firstIndex { $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "}") }
        ?? line.count
      hasher.combine(end - start)
      hasher.combine(bytes: UnsafeRawBufferPointer(rebasing: line[start..<end]))
      place = end
    }
    return hasher.finalize()
  }
}
