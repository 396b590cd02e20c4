private import Determinism
private import Preconditions

/// A learning rate as a closed form of the step index: no state, so that resuming is free.
///
/// Step k counts from 0; w is the warm-up and T the whole run in steps. For k < w the rate is base
/// (k + 1) / w, so the first step already moves and step w - 1 has the base rate. From there the
/// decay works on the progress p = (k - w) / (T - w), 0 at k = w, held at 1 from k = T on.
package struct Schedule: Sendable, Equatable {
  /// How the rate falls after the warm-up.
  package enum Decay: Sendable, Equatable {
    /// Not at all.
    case constant
    /// Times gamma at each milestone, a step index counted from the start of the run.
    case step(milestones: [Int], gamma: Double)
    /// floor + (base - floor) (1 - p)^power; power 1 is insightface's.
    case polynomial(power: Double)
    /// floor + (base - floor) (1 + cos(pi p)) / 2.
    case cosine
  }

  /// The course of the rate behind the warm-up.
  package let decay: Decay
  /// Steps of the whole run, and those over which the rate grows from nothing.
  package let totalSteps, warmUpSteps: Int
  /// The rate that the decay does not go below; the warm-up may.
  package let floorRate: Double

  package init(
    _ decay: Decay, totalSteps: Int, warmUpSteps: Int = 0, floorRate: Double = 0
  ) {
    require(
      totalSteps >= 1 && warmUpSteps >= 0 && floorRate >= 0,
      "Schedule: \(totalSteps) steps, \(warmUpSteps) of warm-up, floor rate \(floorRate)")
    self.decay = decay
    self.totalSteps = totalSteps
    self.warmUpSteps = warmUpSteps
    self.floorRate = floorRate
  }

  /// The rate of step `step` (the first is 0) for the base rate `base`.
  package func rate(at step: Int, base: Double) -> Double {
    require(step >= 0, "Schedule: step \(step)")
    if step < warmUpSteps { return base * Double(step + 1) / Double(warmUpSteps) }
    // A base below the floor stays what it is.
    let floor = min(floorRate, base)
    let progress =
      step >= totalSteps
      ? 1 : Double(step - warmUpSteps) / Double(max(1, totalSteps - warmUpSteps))
    switch decay {
    case .constant:
      return base
    case .step(let milestones, let gamma):
      let passed = milestones.reduce(0) { $0 + ($1 <= step ? 1 : 0) }
      return max(floor, base * Elementary.pow(gamma, Double(passed)))
    case .polynomial(let power):
      return floor + (base - floor) * Elementary.pow(1 - progress, power)
    case .cosine:
      return floor + (base - floor) * (1 + Elementary.cos(.pi * progress)) / 2
    }
  }

  /// The rates of step `step` for the two base rates.
  package func rates(at step: Int, base: LearningRates) -> LearningRates {
    LearningRates(
      backbone: rate(at: step, base: base.backbone), head: rate(at: step, base: base.head))
  }
}
