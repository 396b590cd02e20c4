/// How many pairs of each kind lie under each threshold of a grid, by fold.
struct FoldCounts {
  /// Pairs accepted at each threshold of the grid, and pairs in all.
  struct Fold {
    var same: [Int]
    var different: [Int]
    var sameCount = 0
    var differentCount = 0

    fileprivate mutating func count(_ isSame: Bool, at index: Int?) {
      if isSame { sameCount += 1 } else { differentCount += 1 }
      guard let index else { return }
      if isSame { same[index] += 1 } else { different[index] += 1 }
    }

    fileprivate mutating func accumulate() {
      for i in same.indices.dropFirst() {
        same[i] += same[i - 1]
        different[i] += different[i - 1]
      }
    }

    fileprivate mutating func add(_ other: Fold, sign: Int) {
      for i in same.indices {
        same[i] += sign * other.same[i]
        different[i] += sign * other.different[i]
      }
      sameCount += sign * other.sameCount
      differentCount += sign * other.differentCount
    }
  }

  let step: Double
  /// The folds that have pairs.
  let folds: [Fold]
  private let total: Fold

  /// Thresholds 0, step, 2 step, ... [thresholdCount].
  init(distances: [Double], pairs: VerificationPairs, step: Double, thresholdCount: Int) {
    self.step = step
    let zeros = [Int](repeating: 0, count: thresholdCount)
    let empty = Fold(same: zeros, different: zeros)
    var folds = [Fold](repeating: empty, count: pairs.foldCount)
    for (distance, pair) in zip(distances, pairs.pairs) {
      let index = Self.firstThreshold(above: distance, step: step, count: thresholdCount)
      folds[pair.fold].count(pair.isSame, at: index)
    }
    folds.removeAll { $0.sameCount + $0.differentCount == 0 }
    var total = empty
    for fold in folds.indices {
      folds[fold].accumulate()
      total.add(folds[fold], sign: 1)
    }
    self.folds = folds
    self.total = total
  }

  /// The first index whose threshold, index x step as numpy's arange rounds it, exceeds `distance`;
  /// nil if there is none.
  static func firstThreshold(above distance: Double, step: Double, count: Int) -> Int? {
    guard distance < Double(count - 1) * step else { return nil }
    var index = max(0, min(count - 1, Int(distance / step)))
    while index > 0 && distance < Double(index - 1) * step { index -= 1 }
    while !(distance < Double(index) * step) { index += 1 }
    return index
  }

  /// Folds whose pairs are all of one kind: they have no part in rates of the other kind.
  var oneSidedCount: Int { folds.count { $0.sameCount == 0 || $0.differentCount == 0 } }

  /// The accuracy on `fold` at the first threshold that is most accurate on the others.
  func heldOutAccuracy(of fold: Int) -> (accuracy: Double, threshold: Double) {
    let best = Self.mostAccurate(others(than: fold)).lowerBound
    let held = folds[fold]
    let right = held.same[best] + held.differentCount - held.different[best]
    return (Double(right) / Double(held.sameCount + held.differentCount), Double(best) * step)
  }

  /// The rates on `fold`, nil for a kind of pair that it lacks, at the largest threshold whose FAR
  /// on the others is at most `targetFAR`.
  func heldOutRates(of fold: Int, targetFAR: Double) -> (rates: FoldRates, threshold: Double) {
    let chosen = Self.largest(targetFAR, others(than: fold))
    return (FoldRates(folds[fold], at: chosen), Double(chosen) * step)
  }

  /// The threshold in the middle of those that are most accurate on all pairs from the first such
  /// on, without a gap.
  var mostAccurateThreshold: Double {
    let best = Self.mostAccurate(total)
    return Double((best.lowerBound + best.upperBound) / 2) * step
  }

  /// The largest threshold that accepts at most `targetFAR` of all pairs of two people.
  func threshold(targetFAR: Double) -> Double { Double(Self.largest(targetFAR, total)) * step }

  /// The mean of the folds' rates at every threshold, each over the folds that have such pairs.
  func meanROC() -> [ROCPoint] {
    total.same.indices.map { i in
      let rates = folds.map { FoldRates($0, at: i) }
      return ROCPoint(
        falseAcceptRate: populationMoments(rates.compactMap(\.falseAcceptRate)).mean,
        trueAcceptRate: populationMoments(rates.compactMap(\.trueAcceptRate)).mean)
    }
  }

  /// The counts thresholds are chosen on: all folds but `fold`; all of them where the others lack a
  /// kind of pair.
  private func others(than fold: Int) -> Fold {
    var rest = total
    rest.add(folds[fold], sign: -1)
    return rest.sameCount > 0 && rest.differentCount > 0 ? rest : total
  }

  /// The first thresholds in a row that are most accurate.
  private static func mostAccurate(_ counts: Fold) -> ClosedRange<Int> {
    var best = 0...0
    var bestMargin = Int.min
    for i in counts.same.indices {
      let margin = counts.same[i] - counts.different[i]
      if margin > bestMargin {
        (best, bestMargin) = (i...i, margin)
      } else if margin == bestMargin, i == best.upperBound + 1 {
        best = best.lowerBound...i
      }
    }
    return best
  }

  private static func largest(_ targetFAR: Double, _ counts: Fold) -> Int {
    counts.different.lastIndex { Double($0) / Double(counts.differentCount) <= targetFAR } ?? 0
  }
}

/// The rates of one fold at a threshold, nil for a kind of pair that it lacks.
struct FoldRates {
  let falseAcceptRate: Double?
  let trueAcceptRate: Double?

  fileprivate init(_ fold: FoldCounts.Fold, at threshold: Int) {
    func share(_ part: Int, of whole: Int) -> Double? {
      whole == 0 ? nil : Double(part) / Double(whole)
    }
    falseAcceptRate = share(fold.different[threshold], of: fold.differentCount)
    trueAcceptRate = share(fold.same[threshold], of: fold.sameCount)
  }
}
