internal import Assembly
internal import Configuration
internal import Datasets
private import Foundation
internal import Optimizers

/// What becomes of the learning rate where a run goes on with another length or schedule.
struct RateChange {
  let plan: TrainingPlan
  /// Steps done.
  let step: Int
  /// The configuration that the run had until there.
  let own: RunConfiguration

  /// Whether it comes of the length alone, which changes without being asked.
  var isByLength: Bool {
    let names = Set(plan.changes.filter { $0.step == step }.map(\.name))
    return own.length != plan.configuration.length
      && names.isDisjoint(with: ["lr", "lr-head", "schedule", "milestones", "warmup-epochs"])
  }

  /// Both rates and what to do for the other one; nil where the rate of the next step is the same.
  var sentence: String? {
    guard step > 0 else { return nil }
    let before = plan.changes.filter { $0.step < step }
    let course = TrainingPlan.course(
      count: plan.course.count, batch: own.batch, dropsLast: own.dropsLast, changes: before)
    let total = own.totalSteps(in: course)
    let schedule = own.scheduleValue(totalSteps: total, in: course)
    let last = schedule.rates(at: step - 1, base: own.baseRates)
    let next = plan.schedule.rates(at: step, base: plan.configuration.baseRates)
    guard step < plan.totalSteps, next != schedule.rates(at: step, base: own.baseRates) else {
      return nil
    }
    let changed = plan.changes.filter { $0.step == step }
      .map { "\($0.name) was \($0.old), is \($0.new)" }.joined(separator: ", ")
    return "\(changed): the learning rate was \(Self.text(last)) in step \(step) and goes on at "
      + "\(Self.text(next)); \(plan.configuration.schedule.rawValue) now ends at step "
      + "\(plan.totalSteps), not \(total)" + (isByLength ? Self.choice(last) : "")
  }

  private static func choice(_ rates: LearningRates) -> String {
    "; to go on at \(text(rates)) instead: --change schedule=constant --change "
      + "lr=\(number(rates.backbone))"
      + (rates.head == rates.backbone ? "" : " --change lr-head=\(number(rates.head))")
  }

  private static func text(_ rates: LearningRates) -> String {
    rates.head == rates.backbone
      ? number(rates.backbone) : "\(number(rates.backbone)) (head \(number(rates.head)))"
  }

  private static func number(_ value: Double) -> String { String(format: "%.4g", value) }
}
