private import Preconditions

/// Where steps and epochs meet in a run, whose batch may have changed on its way.
///
/// An epoch goes through all samples once, in batches, the last of which takes what is left. A
/// batch that changes amid an epoch goes on with the samples that are left of it.
package struct EpochCourse: Sendable, Equatable {
  /// Steps of one batch, from one step on.
  private struct Leg: Sendable, Equatable {
    var firstStep: Int
    /// The epoch of the first step, and the samples of it that earlier steps have had.
    var epoch: Int
    var done: Int
    var batch: Int
  }

  /// The number of samples of an epoch.
  package let count: Int
  private var legs: [Leg]

  /// A run through `count` samples in batches of `batch`; before each of `changes`, in rising
  /// order of their steps, it had another one.
  package init(count: Int, batch: Int, changes: [(step: Int, before: Int)] = []) {
    require(count > 0 && batch > 0, "EpochCourse: \(count) samples in batches of \(batch)")
    self.count = count
    legs = [Leg(firstStep: 0, epoch: 0, done: 0, batch: changes.first?.before ?? batch)]
    for (number, change) in changes.enumerated() {
      let next = number + 1 < changes.count ? changes[number + 1].before : batch
      require(
        change.step >= legs[number].firstStep && next > 0,
        "EpochCourse: a batch of \(next) from step \(change.step), after \(legs[number].firstStep)")
      let place = place(ofStep: change.step)
      legs.append(
        Leg(firstStep: change.step, epoch: place.epoch, done: place.samples.lowerBound, batch: next)
      )
    }
  }

  /// The batch of the steps to come.
  package var batch: Int { legs[legs.count - 1].batch }

  /// Steps of an epoch that has that batch from its start.
  package var stepsPerEpoch: Int { Self.steps(count, in: batch) }

  private static func steps(_ samples: Int, in batch: Int) -> Int { (samples + batch - 1) / batch }

  /// Steps of the rest of the epoch in which `leg` begins.
  private func restSteps(_ leg: Leg) -> Int { Self.steps(count - leg.done, in: leg.batch) }

  /// The epoch of step `step`, counted from 0, and its samples as places in the epoch's order.
  package func place(ofStep step: Int) -> (epoch: Int, samples: Range<Int>) {
    require(step >= 0, "EpochCourse: step \(step) is negative")
    let leg = legs.last { $0.firstStep <= step }!
    var (epoch, done, steps) = (leg.epoch, leg.done, step - leg.firstStep)
    let rest = restSteps(leg)
    if steps >= rest {
      let perEpoch = Self.steps(count, in: leg.batch)
      (epoch, done, steps) = (
        epoch + 1 + (steps - rest) / perEpoch, 0, (steps - rest) % perEpoch
      )
    }
    let start = done + steps * leg.batch
    return (epoch, start..<min(start + leg.batch, count))
  }

  /// Steps after which `epochs` epochs are done.
  package func steps(epochs: Int) -> Int {
    // The last leg whose first epoch ends at or before that.
    let leg = legs.last { $0.epoch < epochs || $0.firstStep == 0 }!
    guard epochs > leg.epoch else { return 0 }
    return leg.firstStep + restSteps(leg)
      + (epochs - leg.epoch - 1) * Self.steps(count, in: leg.batch)
  }

  /// The whole steps nearest to `epochs`, which may be a fraction.
  package func steps(epochs: Double) -> Int {
    guard legs.count > 1 else { return Int((epochs * Double(stepsPerEpoch)).rounded()) }
    let whole = Int(epochs.rounded(.down))
    let (start, end) = (steps(epochs: whole), steps(epochs: whole + 1))
    return start + Int(((epochs - Double(whole)) * Double(end - start)).rounded())
  }

  /// Whole epochs that are done after `step` steps.
  package func epochs(after step: Int) -> Int { place(ofStep: step).epoch }

  /// Whether an epoch ends with the first `step` steps.
  package func endsEpoch(after step: Int) -> Bool {
    place(ofStep: step).samples.lowerBound == 0
  }

  /// The least and the most samples of a batch from step `step` on, and of the tails of epochs.
  package func batchSizes(after step: Int) -> [Int] {
    let leg = legs[legs.count - 1]
    var sizes = [min(count, leg.batch)]
    for left in [count, count - leg.done] where left > 0 {
      let tail = left % leg.batch
      if tail > 0 { sizes.append(tail) }
    }
    return sizes
  }
}
