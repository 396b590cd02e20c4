internal import Assembly
package import Configuration
internal import Datasets
private import Foundation
internal import Optimizers

/// What becomes of the learning rate where a run goes on with another length or schedule.
package struct RateChange {
  private let plan: TrainingPlan
  /// Steps done.
  private let step: Int
  /// The configuration that the run had until there.
  private let own: RunConfiguration

  /// What becomes of the rate of `plan` after `step` steps, where the run had the configuration
  /// `own` until there.
  package init(plan: TrainingPlan, step: Int, own: RunConfiguration) {
    self.plan = plan
    self.step = step
    self.own = own
  }

  /// Whether it comes of the length alone, which changes without being asked.
  package var isByLength: Bool {
    let names = Set(plan.changes.filter { $0.step == step }.map(\.name))
    return own.length != plan.configuration.length
      && names.isDisjoint(with: ["lr", "lr-head", "schedule", "milestones", "warmup-epochs"])
  }

  /// Both rates and what to do for the other one; nil where no rate to come is another one.
  package var sentence: String? {
    guard step > 0, step < plan.totalSteps else { return nil }
    let before = plan.changes.filter { $0.step < step }
    let course = TrainingPlan.course(
      count: plan.course.count, batch: own.batch, dropsLast: own.dropsLast, changes: before)
    let total = own.totalSteps(in: course)
    let schedule = own.scheduleValue(totalSteps: total, in: course)
    func isOther(_ step: Int) -> Bool {
      plan.schedule.rates(at: step, base: plan.configuration.baseRates)
        != schedule.rates(at: step, base: own.baseRates)
    }
    let isOtherNow = isOther(step)
    // In a warm-up the next rate is the same; those behind it need not be.
    let end = min(total, plan.totalSteps)
    let later = [plan.schedule.warmUpSteps, schedule.warmUpSteps, (step + end) / 2, end - 1]
    guard isOtherNow || later.contains(where: { $0 > step && $0 < end && isOther($0) }) else {
      return nil
    }
    let last = schedule.rates(at: step - 1, base: own.baseRates)
    let next = plan.schedule.rates(at: step, base: plan.configuration.baseRates)
    let changed = plan.changes.filter { $0.step == step }
      .map { "\($0.name) was \($0.old), is \($0.new)" }.joined(separator: ", ")
    var text =
      "\(changed): the learning rate was \(Self.text(last)) in step \(step) and goes on at "
    text += Self.text(next)
    if !isOtherNow {
      text += " as it would have, and becomes another one later"
    } else if next == last, step < total {
      text +=
        ", where it would have become \(Self.text(schedule.rates(at: step, base: own.baseRates)))"
    }
    if total != plan.totalSteps {
      let name = plan.configuration.schedule
      text += "; \(name == .constant ? "the run" : name.rawValue) now ends at step "
      text += "\(plan.totalSteps), not \(total)"
    }
    return isByLength && isOtherNow && next != last ? text + choice(last) : text
  }

  private func choice(_ rates: LearningRates) -> String {
    // A head's rate of its own stays what it is where it is not changed too.
    let isOwn = plan.configuration.headLearningRate != nil || rates.head != rates.backbone
    return "; to go on at \(Self.text(rates)) instead: --change schedule=constant --change "
      + "lr=\(Self.number(rates.backbone))"
      + (isOwn ? " --change lr-head=\(Self.number(rates.head))" : "")
  }

  private static func text(_ rates: LearningRates) -> String {
    rates.head == rates.backbone
      ? number(rates.backbone) : "\(number(rates.backbone)) (head \(number(rates.head)))"
  }

  private static func number(_ value: Double) -> String { String(format: "%.4g", value) }
}
