extension ConfigurationOption {
  /// Options that may become other ones in the middle of a run (`--change`): the state of the run
  /// keeps its meaning. Of `data` only the bytes may, as those of photos aligned anew; another data
  /// set, network or optimizer is another run.
  package static let changeable: Set<String> = [
    "norm-concentration", "statistics-rate", "margin-deviation", "norm-range", "norm-weight",
    "bias-rate", "label-smoothing", "teacher-weight",
    "data", "augment", "dropout", "scale", "margin", "margin-variant", "margin-gradient",
    "margin-warmup-epochs", "sample-classes", "idle-rows", "mining", "people-per-batch",
    "photos-per-person", "triplet-reduction", "offline-every", "offline-pool", "batch",
    "microbatch", "drop-last", "sampling", "gradient-grid", "momentum", "nesterov", "weight-decay",
    "decay-norm-and-bias", "clip-norm", "lr", "lr-head", "lr-scale", "freeze", "schedule",
    "warmup-epochs", "milestones", "gamma", "power", "min-lr",
  ]

  /// Whether the option may be given to `--change`.
  package var mayChange: Bool { Self.changeable.contains(name) }
}

extension ConfigurationAssignment {
  /// Reads `NAME=VALUE` of `--change`; throws `ConfigurationError` for an option that a run cannot
  /// change on its way, or may change without being asked.
  package init(change text: String) throws {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty else {
      throw ConfigurationError(
        origin: "--change", "'\(text)' is not NAME=VALUE, such as lr=0.01")
    }
    let name = String(parts[0].hasPrefix("--") ? parts[0].dropFirst(2) : parts[0])
    guard let option = ConfigurationOption.named(name) else {
      throw ConfigurationError(
        origin: "--change", ConfigurationOption.complaint(unknown: name))
    }
    guard option.isMathematical else {
      throw ConfigurationError(
        origin: "--change", "\(name) may change on any resume; give --\(name) itself")
    }
    guard option.mayChange else {
      let names = ConfigurationOption.all.filter(\.mayChange).map(\.name)
      throw ConfigurationError(
        origin: "--change",
        "\(name) cannot change in the middle of a run; start a new one with another --out, from "
          + "these weights with --init (what can: \(names.joined(separator: ", ")))")
    }
    self.init(key: name, text: String(parts[1]), origin: "--change \(name)")
  }
}

/// An option that has another value from some step of a run on.
package struct ConfigurationChange: Sendable, Equatable {
  /// Steps done before the first one under the new value.
  package let step: Int
  /// The long name of the option.
  package let name: String
  /// The value before, as the YAML file has it.
  package let old: String
  /// The value from that step on.
  package let new: String

  /// A change of the option `name` after `step` steps.
  package init(step: Int, name: String, old: String, new: String) {
    self.step = step
    self.name = name
    self.old = old
    self.new = new
  }

  /// "from step 400: lr 0.01 (was 0.1)".
  package var sentence: String { "from step \(step): \(name) \(new) (was \(old))" }
}

extension RunConfiguration {
  /// What a run that another configuration has brought to `step` does otherwise from there on:
  /// mathematics, and the length, on which schedules depend.
  package func changes(from other: RunConfiguration, at step: Int) -> [ConfigurationChange] {
    ConfigurationOption.all.compactMap { option in
      let isLength = option.member == \RunConfiguration.length
      guard option.isMathematical || isLength else { return nil }
      let (old, new) = (option.placelessText(other), option.placelessText(self))
      guard old != new else { return nil }
      // A length in another unit is one change, told by the option that stands for it now.
      if isLength, new == nil { return nil }
      return ConfigurationChange(
        step: step, name: option.name, old: old ?? (isLength ? other.lengthText : "absent"),
        new: new ?? "absent")
    }
  }

  /// The configuration before `changes`, which are in the order in which they came. What an option
  /// was that only another choice brings is what is usual beside it. Throws `ConfigurationError`
  /// for a value that this version does not know.
  package func before(_ changes: some BidirectionalCollection<ConfigurationChange>) throws
    -> RunConfiguration
  {
    var own = self
    for change in changes.reversed() {
      // A length in another unit is told with its unit; of data only the bytes have changed.
      let words = change.old.split(separator: " ").map(String.init)
      let isLength = words.count == 2 && ConfigurationOption.named(words[1])?.member == \Self.length
      let name = isLength ? words[1] : change.name
      guard let option = ConfigurationOption.named(name), change.old != "absent", name != "data"
      else { continue }
      try option.set(&own, isLength ? words[0] : change.old)
    }
    return own
  }

  /// The length with its unit, as "6 steps".
  private var lengthText: String {
    ConfigurationOption.all.filter { $0.member == \RunConfiguration.length }
      .compactMap { option in option.value(self).map { "\($0) \(option.name)" } }.first ?? "absent"
  }
}
