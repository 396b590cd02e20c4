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

  /// The accuracy on `fold` at the first threshold that is most accurate on the others.
  func heldOutAccuracy(of fold: Int) -> (accuracy: Double, threshold: Double) {
    let others = others(than: fold)
    var best = 0
    var bestMargin = Int.min
    for i in others.same.indices where others.same[i] - others.different[i] > bestMargin {
      best = i
      bestMargin = others.same[i] - others.different[i]
    }
    let held = folds[fold]
    let right = held.same[best] + held.differentCount - held.different[best]
    return (Double(right) / Double(held.sameCount + held.differentCount), Double(best) * step)
  }

  /// The rates on `fold` at the largest threshold whose FAR on the others is at most `targetFAR`.
  func heldOutRates(of fold: Int, targetFAR: Double) -> (rates: ROCPoint, threshold: Double) {
    let others = others(than: fold)
    var chosen = 0
    for i in others.different.indices
    where Self.share(others.different[i], of: others.differentCount) <= targetFAR {
      chosen = i
    }
    return (point(of: folds[fold], at: chosen), Double(chosen) * step)
  }

  /// The mean of the folds' rates at every threshold.
  func meanROC() -> [ROCPoint] {
    total.same.indices.map { i in
      let points = folds.map { point(of: $0, at: i) }
      return ROCPoint(
        falseAcceptRate: populationMoments(points.map(\.falseAcceptRate)).mean,
        trueAcceptRate: populationMoments(points.map(\.trueAcceptRate)).mean)
    }
  }

  /// The counts thresholds are chosen on: all folds but `fold`, or itself where it is alone.
  private func others(than fold: Int) -> Fold {
    guard folds.count > 1 else { return total }
    var rest = total
    rest.add(folds[fold], sign: -1)
    return rest
  }

  private func point(of fold: Fold, at threshold: Int) -> ROCPoint {
    ROCPoint(
      falseAcceptRate: Self.share(fold.different[threshold], of: fold.differentCount),
      trueAcceptRate: Self.share(fold.same[threshold], of: fold.sameCount))
  }

  private static func share(_ part: Int, of whole: Int) -> Double {
    whole == 0 ? 0 : Double(part) / Double(whole)
  }
}
