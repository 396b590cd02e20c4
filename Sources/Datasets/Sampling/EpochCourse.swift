private import Preconditions

/// Where steps and epochs meet in a run, whose batch may have changed on its way.
///
/// An epoch goes through all samples once, in batches, the last of which takes what is left. A
/// batch that changes amid an epoch goes on with the samples that are left of it.
package struct EpochCourse: Sendable, Equatable {
  /// How samples are cut into batches from a step of the run on.
  package struct Cut: Sendable, Equatable {
    /// Steps done before the first one that is cut so.
    package let step: Int
    /// Samples of a batch.
    package let batch: Int
    /// Whether samples that do not fill a batch are left out of the epoch.
    package let dropsLast: Bool

    package init(step: Int, batch: Int, dropsLast: Bool) {
      self.step = step
      self.batch = batch
      self.dropsLast = dropsLast
    }

    /// Steps that `samples` in a row make.
    func steps(_ samples: Int) -> Int {
      dropsLast ? samples / batch : (samples + batch - 1) / batch
    }
  }

  /// Steps of one cut, from one step on.
  private struct Leg: Sendable, Equatable {
    var cut: Cut
    /// The epoch of the first step, and the samples of it that earlier steps have had.
    var epoch: Int
    var done: Int
    var firstStep: Int { cut.step }
    var batch: Int { cut.batch }
  }

  /// The number of samples of an epoch.
  package let count: Int
  private var legs: [Leg]

  /// A run through `count` samples, cut as `cuts` say, of which the first begins at step 0 and each
  /// other one no earlier than the one before.
  package init(count: Int, cuts: [Cut]) {
    require(
      count > 0 && cuts.first?.step == 0, "EpochCourse: \(count) samples, \(cuts.count) cuts")
    self.count = count
    legs = []
    for cut in cuts {
      require(
        cut.batch > 0 && (!cut.dropsLast || cut.batch <= count),
        "EpochCourse: \(count) samples in \(cut.dropsLast ? "whole " : "")batches of \(cut.batch)")
      let last = legs.last?.firstStep ?? 0
      require(
        cut.step >= last,
        "EpochCourse: a batch of \(cut.batch) from step \(cut.step), after \(last)")
      let start: (epoch: Int, samples: Range<Int>) =
        legs.isEmpty ? (0, 0..<0) : place(ofStep: cut.step)
      legs.append(Leg(cut: cut, epoch: start.epoch, done: start.samples.lowerBound))
    }
  }

  /// A run through `count` samples in batches of `batch`; before each of `changes`, in rising
  /// order of their steps, it had another one.
  package init(
    count: Int, batch: Int, dropsLast: Bool = false, changes: [(step: Int, before: Int)] = []
  ) {
    let starts = [0] + changes.map(\.step)
    let batches = changes.map(\.before) + [batch]
    self.init(
      count: count,
      cuts: zip(starts, batches).map { Cut(step: $0, batch: $1, dropsLast: dropsLast) })
  }

  /// The batch of the steps to come.
  package var batch: Int { lastLeg.batch }

  private var lastLeg: Leg { legs[legs.count - 1] }

  /// Steps of an epoch that has that batch from its start.
  package var stepsPerEpoch: Int { lastLeg.cut.steps(count) }

  /// The number of samples that an epoch of that batch leaves out, others in each.
  package var leftOutCount: Int { lastLeg.cut.dropsLast ? count % batch : 0 }

  /// Steps of the rest of the epoch in which `leg` begins.
  private func restSteps(_ leg: Leg) -> Int { leg.cut.steps(count - leg.done) }

  /// The epoch of step `step`, counted from 0, and its samples as places in the epoch's order.
  package func place(ofStep step: Int) -> (epoch: Int, samples: Range<Int>) {
    require(step >= 0, "EpochCourse: step \(step) is negative")
    let leg = legs.last { $0.firstStep <= step }!
    var (epoch, done, steps) = (leg.epoch, leg.done, step - leg.firstStep)
    let rest = restSteps(leg)
    if steps >= rest {
      let perEpoch = leg.cut.steps(count)
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
      .multipliedReportingOverflow(by: leg.cut.steps(count))
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

  /// The samples of a whole batch, and of the tails of epochs that a run of `last` steps reaches in
  /// the cut of the moment.
  package func batchSizes(through last: Int) -> [Int] {
    let leg = lastLeg
    var sizes = [min(count, leg.batch)]
    guard !leg.cut.dropsLast else { return sizes }
    // The rest of the epoch in which the cut begins, and then whole ones.
    var end = leg.firstStep
    for samples in [count - leg.done, count] {
      end += leg.cut.steps(samples)
      let tail = samples % leg.batch
      if tail > 0, end <= last { sizes.append(tail) }
    }
    return sizes
  }
}
