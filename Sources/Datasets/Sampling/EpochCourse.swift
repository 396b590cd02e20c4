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
  /// Whether samples that do not fill a batch are left out of the epoch.
  package let dropsLast: Bool
  private var legs: [Leg]

  /// A run through `count` samples in batches of `batch`; before each of `changes`, in rising
  /// order of their steps, it had another one.
  package init(
    count: Int, batch: Int, dropsLast: Bool = false, changes: [(step: Int, before: Int)] = []
  ) {
    require(
      count > 0 && batch > 0
        && (!dropsLast || max(batch, changes.map(\.before).max() ?? 0) <= count),
      "EpochCourse: \(count) samples in \(dropsLast ? "whole " : "")batches of \(batch)")
    self.count = count
    self.dropsLast = dropsLast
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
  package var stepsPerEpoch: Int { steps(count, in: batch) }

  /// The number of samples that an epoch of that batch leaves out, others in each.
  package var leftOutCount: Int { dropsLast ? count % batch : 0 }

  private func steps(_ samples: Int, in batch: Int) -> Int {
    dropsLast ? samples / batch : (samples + batch - 1) / batch
  }

  /// Steps of the rest of the epoch in which `leg` begins.
  private func restSteps(_ leg: Leg) -> Int { steps(count - leg.done, in: leg.batch) }

  /// The epoch of step `step`, counted from 0, and its samples as places in the epoch's order.
  package func place(ofStep step: Int) -> (epoch: Int, samples: Range<Int>) {
    require(step >= 0, "EpochCourse: step \(step) is negative")
    let leg = legs.last { $0.firstStep <= step }!
    var (epoch, done, steps) = (leg.epoch, leg.done, step - leg.firstStep)
    let rest = restSteps(leg)
    if steps >= rest {
      let perEpoch = self.steps(count, in: leg.batch)
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
    let (later, isTooMany) = (epochs - leg.epoch - 1)
      .multipliedReportingOverflow(by: steps(count, in: leg.batch))
    // Beyond any run.
    return isTooMany || later > Int.max >> 1 ? Int.max >> 1 : leg.firstStep + restSteps(leg) + later
  }

  /// The whole steps nearest to `epochs`, which may be a fraction.
  package func steps(epochs: Double) -> Int { Int(exactSteps(epochs: epochs).rounded()) }

  /// The steps of `epochs`, either of which may be a fraction.
  package func exactSteps(epochs: Double) -> Double {
    guard legs.count > 1 else { return epochs * Double(stepsPerEpoch) }
    let whole = Int(epochs.rounded(.down))
    let (start, end) = (steps(epochs: whole), steps(epochs: whole + 1))
    return Double(start) + (epochs - Double(whole)) * Double(end - start)
  }

  /// Whole epochs that are done after `step` steps.
  package func epochs(after step: Int) -> Int { place(ofStep: step).epoch }

  /// Whether an epoch ends with the first `step` steps.
  package func endsEpoch(after step: Int) -> Bool {
    place(ofStep: step).samples.lowerBound == 0
  }

  /// The samples of a whole batch, of the tail of an epoch, and of that of the first one of this
  /// batch.
  package var batchSizes: [Int] {
    let leg = legs[legs.count - 1]
    var sizes = [min(count, leg.batch)]
    for left in [count, count - leg.done] where left > 0 {
      let tail = left % leg.batch
      if tail > 0, !dropsLast { sizes.append(tail) }
    }
    return sizes
  }
}
