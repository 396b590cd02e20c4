internal import Preconditions

/// A point of a receiver operating characteristic, both rates in 0...1.
package struct ROCPoint: Sendable, Equatable {
  /// The share of pairs of two people that are accepted.
  package let falseAcceptRate: Double
  /// The share of pairs of one person that are accepted.
  package let trueAcceptRate: Double

  /// A point at (`falseAcceptRate`, `trueAcceptRate`).
  package init(falseAcceptRate: Double, trueAcceptRate: Double) {
    self.falseAcceptRate = falseAcceptRate
    self.trueAcceptRate = trueAcceptRate
  }
}

/// Areas, error rates and curves of a receiver operating characteristic.
package enum ROC {
  /// The area under `points` by trapezoids, as they come (scikit-learn's `metrics.auc`).
  package static func area(under points: [ROCPoint]) -> Double {
    zip(points, points.dropFirst()).reduce(0) { sum, segment in
      let (a, b) = segment
      let width = b.falseAcceptRate - a.falseAcceptRate
      return sum + width * (a.trueAcceptRate + b.trueAcceptRate) / 2
    }
  }

  /// The root of 1 - x - TPR(x) on the straight lines between `points`, closed at (1, 1).
  ///
  /// facenet's `validate_on_lfw.py` finds it with Brent's method; on straight lines it has a
  /// formula.
  package static func equalErrorRate(of points: [ROCPoint]) -> Double {
    func excess(_ p: ROCPoint) -> Double { 1 - p.falseAcceptRate - p.trueAcceptRate }
    var previous = ROCPoint(falseAcceptRate: 0, trueAcceptRate: 0)
    for point in points + [ROCPoint(falseAcceptRate: 1, trueAcceptRate: 1)] {
      if excess(point) <= 0 {
        let fraction = excess(previous) / (excess(previous) - excess(point))
        let width = point.falseAcceptRate - previous.falseAcceptRate
        return previous.falseAcceptRate + fraction * width
      }
      previous = point
    }
    return 1
  }

  /// The chance that a pair of one person is closer than a pair of two people, ties counted half
  /// (the rank statistic; scikit-learn's `roc_auc_score` of -distance). Needs both kinds.
  package static func exactArea(distances: [Double], isSame: [Bool]) -> Double {
    let groups = sortedGroups(distances: distances, isSame: isSame)
    let differentCount = groups.reduce(0) { $0 + $1.different }
    let sameCount = groups.reduce(0) { $0 + $1.same }
    require(
      sameCount > 0 && differentCount > 0,
      "ROC.exactArea: \(sameCount) pairs of one person, \(differentCount) of two")
    var closer = 0
    var twiceWins = 0
    for group in groups {
      twiceWins += group.same * (2 * (differentCount - closer) - group.different)
      closer += group.different
    }
    return Double(twiceWins) / (2 * Double(sameCount) * Double(differentCount))
  }

  /// The curve over all distances at once: for every number of false accepts that occurs, the most
  /// true accepts it allows. Needs both kinds.
  package static func exactCurve(distances: [Double], isSame: [Bool]) -> [ROCPoint] {
    let groups = sortedGroups(distances: distances, isSame: isSame)
    let differentCount = Double(groups.reduce(0) { $0 + $1.different })
    let sameCount = Double(groups.reduce(0) { $0 + $1.same })
    var points: [ROCPoint] = []
    var accepted = (same: 0, different: 0)
    func record() {
      points.append(
        ROCPoint(
          falseAcceptRate: Double(accepted.different) / differentCount,
          trueAcceptRate: Double(accepted.same) / sameCount))
    }
    for group in groups {
      if group.different > 0 { record() }
      accepted.same += group.same
      accepted.different += group.different
    }
    record()
    return points
  }

  /// Counts of either kind at each distinct distance, ascending.
  private static func sortedGroups(
    distances: [Double], isSame: [Bool]
  ) -> [(same: Int, different: Int)] {
    require(
      distances.count == isSame.count, "ROC: \(distances.count) distances, \(isSame.count) labels")
    let order = distances.indices.sorted { distances[$0] < distances[$1] }
    var groups: [(same: Int, different: Int)] = []
    var last: Double?
    for index in order {
      if distances[index] != last { groups.append((0, 0)) }
      last = distances[index]
      if isSame[index] {
        groups[groups.count - 1].same += 1
      } else {
        groups[groups.count - 1].different += 1
      }
    }
    return groups
  }
}
