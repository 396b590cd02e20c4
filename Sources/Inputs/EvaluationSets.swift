package import Datasets
internal import Determinism
internal import Evaluation
internal import Interchange
package import Threads

/// A set to verify on, by its name: pairs of the data's own photos, or a file that brings its
/// photos.
package struct EvaluationSet: Sendable {
  /// The name of its file without the ending; empty for photos held out.
  package let name: String
  /// Which of its photos are embedded, and how they are scored.
  package let plan: EvaluationPlan
  /// Where its photos are; nil for those of the data.
  package let source: (any PhotoSource)?

  /// A set of the data's own photos.
  package init(name: String = "", plan: EvaluationPlan) {
    (self.name, self.plan, source) = (name, plan, nil)
  }

  private init(name: String, bin: VerificationBin) {
    let origin = bin.path.split(separator: "/").last.map(String.init) ?? bin.path
    let source = BinSource(bin, name: origin)
    self.name = name
    self.source = source
    plan = EvaluationPlan(
      photoCount: bin.photoCount, pairs: Self.pairs(of: bin.isSame), origin: origin)
  }

  /// What is measured, in words, where the data are called `data`: what a threshold is from.
  package func origin(data: String) -> String {
    if source != nil { return plan.origin }
    return name.isEmpty ? "\(plan.origin) of \(data)" : "\(plan.origin) on \(data)"
  }

  /// Whether the file at `path` brings its own photos.
  package static func bringsPhotos(_ path: String) -> Bool { path.hasSuffix(".bin") }

  /// The sets of `files`: InsightFace's `.bin`, or lists of pairs of photos of `index`, which may
  /// be nil where none is a list. `meter` counts the mebibytes read of those that bring photos.
  /// Throws what is wrong with a file.
  package static func open(
    _ files: [String], index: PhotoIndex?, meter: WorkMeter? = nil
  ) throws -> [EvaluationSet] {
    var names: [String: Int] = [:]
    return try files.map { file in
      let last = file.split(separator: "/").last.map(String.init) ?? file
      let stem = last.lastIndex(of: ".").map { String(last[..<$0]) } ?? last
      names[stem, default: 0] += 1
      let name = names[stem] == 1 ? stem : "\(stem)-\(names[stem]!)"
      if bringsPhotos(file) {
        let bin = try VerificationBin(path: file) { meter?.add(($0 + (1 << 20) - 1) >> 20) }
        return EvaluationSet(name: name, bin: bin)
      }
      guard let index else {
        throw DatasetError.unusable(
          path: file, reason: "is a list of pairs of photos; give --data with them")
      }
      return EvaluationSet(name: name, plan: try EvaluationPlan(index, pairsFile: file))
    }
  }

  /// A hash of what it measures: names and people of its photos, or some of their bytes where it
  /// brings them, the pairs with their folds, and whether photos are mirrored too. `index` is that
  /// of the data.
  package func fingerprint(in index: PhotoIndex, flipTest: Bool) -> UInt64 {
    var hash: UInt64 = flipTest ? 1 : 0
    if let source {
      hash = Hash64.of([hash, PhotoSample(of: source, count: plan.photos.count).hash], seed: 0)
    } else {
      for photo in plan.photos { hash = Hash64.of(index.photos[photo].path, seed: hash) }
    }
    func mix(_ numbers: [Int]) {
      hash = Hash64.of(numbers.map { UInt64(bitPattern: Int64($0)) }, seed: hash)
    }
    mix(plan.people ?? [])
    mix(plan.classes ?? [])
    mix((plan.pairs?.pairs ?? []).flatMap { [$0.first, $0.second, $0.isSame ? 1 : 0, $0.fold] })
    return hash
  }

  /// What makes samples of its photos: those that it brings are aligned already.
  package func preprocessing(_ own: Preprocessing) -> Preprocessing {
    source == nil
      ? own
      : Preprocessing(
        framing: own.framing, normalization: own.normalization, pixelLimit: own.pixelLimit)
  }

  /// Pairs in the order of the file, in folds one behind the other as scikit-learn's KFold cuts
  /// them: the first ones longer by one where they do not divide.
  private static func pairs(of isSame: [Bool]) -> VerificationPairs {
    let folds = min(PairsFile.interleavedFoldCount, isSame.count)
    let (base, longer) = isSame.count.quotientAndRemainder(dividingBy: folds)
    let pairs = isSame.enumerated().map { pair, isSame in
      let inLonger = longer * (base + 1)
      let fold =
        pair < inLonger ? pair / (base + 1) : longer + (pair - inLonger) / max(base, 1)
      return VerificationPairs.Pair(
        first: 2 * pair, second: 2 * pair + 1, isSame: isSame, fold: fold)
    }
    return VerificationPairs(
      pairs: pairs, foldCount: folds, foldRule: "\(folds) folds in the order of the file")
  }
}
