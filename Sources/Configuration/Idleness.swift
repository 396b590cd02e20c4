internal import Networks

extension ConfigurationOption {
  /// Where an option does nothing: any value of it but the usual one is then refused.
  package struct Idleness: Sendable {
    /// Whether the option does nothing in a run of that configuration.
    package let holds: @Sendable (RunConfiguration) -> Bool
    /// The words behind "does nothing".
    let circumstance: @Sendable (RunConfiguration) -> String
    /// What else to do than to remove the option.
    let remedy: @Sendable (RunConfiguration) -> String

    init(
      _ circumstance: @escaping @Sendable (RunConfiguration) -> String,
      remedy: @escaping @Sendable (RunConfiguration) -> String = { _ in "" },
      where condition: @escaping @Sendable (RunConfiguration) -> Bool
    ) {
      holds = condition
      self.circumstance = circumstance
      self.remedy = remedy
    }

    /// In runs that hold `condition`, as `circumstance` says.
    static func inRuns(
      _ circumstance: String, or remedy: String = "",
      where condition: @escaping @Sendable (RunConfiguration) -> Bool
    ) -> Self {
      Self(
        { _ in circumstance }, remedy: { _ in remedy.isEmpty ? "" : " or \(remedy)" },
        where: condition)
    }

    /// With losses that hold `condition`; `because` follows the name of the loss.
    static func loss(
      because: String = "", or remedy: @escaping @Sendable (LossName) -> String? = { _ in nil },
      where condition: @escaping @Sendable (LossName) -> Bool
    ) -> Self {
      Self(
        { "with loss \($0.loss.rawValue)\(because)" },
        remedy: { remedy($0.loss).map { " or \($0)" } ?? "" }, where: { condition($0.loss) })
    }

    /// With optimizers that hold `condition`.
    static func optimizer(where condition: @escaping @Sendable (OptimizerName) -> Bool) -> Self {
      Self({ "with optimizer \($0.optimizer.rawValue)" }, where: { condition($0.optimizer) })
    }

    /// With schedules that hold `condition`.
    static func schedule(where condition: @escaping @Sendable (ScheduleName) -> Bool) -> Self {
      Self({ "with schedule \($0.schedule.rawValue)" }, where: { condition($0.schedule) })
    }

    /// With models that hold `condition`; `because` follows the name of the model.
    static func model(
      because: String, where condition: @escaping @Sendable (Model) -> Bool
    ) -> Self {
      Self(
        { "with model \($0.model.name)\(because)" },
        where: { condition($0.model) })
    }
  }

  /// What is wrong with the option in `configuration`: it does nothing and is not as usual, or its
  /// value is out of range. Nil where it is sound.
  func fault(in configuration: RunConfiguration) -> String? {
    if let idle = idleness.first(where: { $0.holds(configuration) }) {
      var usual = configuration
      reset(&usual)
      if value(usual) != value(configuration) {
        return "\(name) does nothing \(idle.circumstance(configuration)); remove it"
          + idle.remedy(configuration)
      }
      return nil
    }
    guard let value = value(configuration), let expectation = expectation(configuration) else {
      return nil
    }
    return "\(name) is \(value); give \(expectation)" + (absence.map { ", or \($0)" } ?? "")
  }
}
