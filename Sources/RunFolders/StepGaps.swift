/// The steps that are not there among those of a run, which count from 1.
package struct StepGaps: Sendable, Equatable {
  /// The steps that lack, ascending.
  package private(set) var ranges: [ClosedRange<Int>] = []
  /// The step that comes next where none lacks.
  private var next: Int

  /// Nothing lacks of a run that has made `steps` steps elsewhere.
  package init(after steps: Int = 0) { next = steps + 1 }

  /// Notes that `step` is there; steps come in ascending order.
  package mutating func add(_ step: Int) {
    if step > next { ranges.append(next...step - 1) }
    next = max(next, step + 1)
  }

  /// Notes that the run has made `last` steps.
  package mutating func end(at last: Int) { add(last + 1) }

  /// The same without the steps up to `first`, where it lacks all of these and has the next.
  func excusing(upTo first: Int) -> StepGaps {
    guard first > 0, ranges.first == 1...first else { return self }
    var gaps = self
    gaps.ranges.removeFirst()
    return gaps
  }

  /// `steps 10-20, 25`; nil where none lacks.
  package var text: String? {
    guard let first = ranges.first else { return nil }
    let shown = ranges.prefix(5).map { range in
      range.count == 1 ? "\(range.lowerBound)" : "\(range.lowerBound)-\(range.upperBound)"
    }
    let isOne = ranges.count == 1 && first.count == 1
    return (isOne ? "step " : "steps ") + shown.joined(separator: ", ")
      + (ranges.count > shown.count ? " and others" : "")
  }
}
