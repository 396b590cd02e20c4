/// What a run is asked for: its options as they were given, and what of a run that goes on is to
/// become otherwise.
package struct RunRequest: Sendable {
  /// The options where there is no run to go on with: those given over the defaults.
  package let configuration: RunConfiguration
  /// The file's options and the flags; nil where all of `configuration` is meant.
  private let layers: [[ConfigurationAssignment]]?
  /// `--change`.
  package let changes: [ConfigurationAssignment]
  /// What is wrong with `configuration` alone.
  private let complaint: ConfigurationError?

  /// What a run was asked for since its newest checkpoint was written: the configuration of its
  /// last start, as it stands in the run folder.
  package struct Asked: Sendable {
    /// YAML.
    let text: String
    /// The file of it.
    package let path: String
    /// All that had become otherwise when that start began.
    package let changes: [ConfigurationChange]

    package init(text: String, path: String, changes: [ConfigurationChange]) {
      self.text = text
      self.path = path
      self.changes = changes
    }

    /// Whether `change` is one that was asked for with `--change`, and not written there by hand.
    func holds(_ change: ConfigurationChange) -> Bool {
      changes.last { $0.name == change.name }?.new == change.new
    }
  }

  /// Asks for all of `configuration`, be there a run to go on with or not.
  package init(_ configuration: RunConfiguration) {
    self.configuration = configuration
    layers = nil
    changes = []
    complaint = nil
  }

  /// Asks for `flags` over the YAML `file`. A run that goes on, by `--resume`, has its own options
  /// below them, and `changes` above. Throws `ConfigurationError`.
  package init(
    file: String?, flags: [ConfigurationAssignment], changes: [ConfigurationAssignment] = []
  ) throws {
    try Self.checkOnce(changes, beside: flags)
    let layers = try RunConfiguration.layers(file: file, flags: flags)
    self.layers = layers
    self.changes = changes
    configuration = try RunConfiguration.resolve(layers: layers, validates: false)
    guard configuration.resume != .none else {
      if let change = changes.first {
        throw ConfigurationError(
          origin: change.origin, "only a run that goes on can change; give --resume too")
      }
      complaint = nil
      _ = try RunConfiguration.resolve(layers: layers)
      return
    }
    guard configuration.resume != .auto || configuration.out != nil else {
      throw ConfigurationError(
        origin: "--resume",
        "auto goes on in a run folder; give it with --out, or a run or checkpoint to --resume")
    }
    do {
      _ = try RunConfiguration.resolve(layers: layers)
      complaint = nil
    } catch let error as ConfigurationError {
      // It may be sound beside the run's own options.
      complaint = error
    }
  }

  /// Throws `ConfigurationError` where one of `changes` is given twice, or beside a flag of its
  /// own: which of the two would hold is nobody's guess. A file may have what is changed.
  private static func checkOnce(
    _ changes: [ConfigurationAssignment], beside flags: [ConfigurationAssignment]
  ) throws {
    for (number, change) in changes.enumerated() {
      guard !changes[..<number].contains(where: { $0.key == change.key }) else {
        throw ConfigurationError(origin: change.origin, "is given twice; remove one of them")
      }
      guard !flags.contains(where: { $0.key == change.key }) else {
        throw ConfigurationError(
          origin: change.origin, "--\(change.key) is given too; remove one of them")
      }
    }
  }

  /// Whether the option of that name is given, in a file, by a flag or by `--change`.
  package func gives(_ name: String) -> Bool {
    guard let layers else { return true }
    return layers.joined().contains { $0.key == name } || changes.contains { $0.key == name }
  }

  /// Whether nothing is given of what a run computes: it is to go on as it is.
  package var isBare: Bool {
    guard let layers else { return false }
    return layers.joined().allSatisfy { assignment in
      ConfigurationOption.named(assignment.key)?.isMathematical == false
    }
  }

  /// What all ranks of a job must ask for, line by line, be there a run to go on with or not.
  package var commonLines: [String] {
    configuration.commonText.split(separator: "\n").map(String.init)
      + changes.map { "change: \($0.key)=\($0.text)" }
  }

  /// The configuration of a run that begins; throws `ConfigurationError`.
  package func beginning() throws -> RunConfiguration {
    if let complaint { throw complaint }
    return configuration
  }

  /// The configuration of the run whose own is the YAML `own` of the file `path`, with what it was
  /// last `asked` for on top and what is given now above that, and `refused`: where it has steps
  /// behind it (`hasBegun`), one line for each option that would change its mathematics without
  /// `--change`. Throws `ConfigurationError`.
  package func goingOn(
    from own: String, path: String, asked: Asked? = nil, hasBegun: Bool
  ) throws -> (configuration: RunConfiguration, own: RunConfiguration, refused: [String]) {
    let before = try RunConfiguration.parse(yaml: own, path: path)
    guard let layers else {
      let differences = configuration.mathematicsDifferences(from: before)
      return (configuration, before, hasBegun ? differences : [])
    }
    // What belongs to a process and not to its run comes from the command line alone.
    let kept = [(own, path)] + (asked.map { [($0.text, $0.path)] } ?? [])
    let below = try kept.map { text, path in
      try RunConfiguration.assignments(yaml: text, path: path).filter {
        !Self.ofProcess.contains($0.key)
      }
    }
    let given = try RunConfiguration.resolve(layers: below + layers, validates: false)
    let changed = Set(changes.map(\.key))
    let refused = given.changes(from: before, at: 0).filter { change in
      hasBegun && ConfigurationOption.named(change.name)?.isMathematical == true
        && !changed.contains(change.name) && asked?.holds(change) != true
    }.map { "\($0.name) was \($0.old), is \($0.new)" }
    let final = try RunConfiguration.resolve(
      layers: below + layers + [changes], validates: refused.isEmpty)
    return (final, before, refused)
  }

  private static let ofProcess: Set = ["out", "resume", "threads", "quiet", "dry-run"]
}

extension RunConfiguration {
  /// Whether the YAML text gives any option; `path` is for errors. Throws `ConfigurationError`.
  package static func hasOptions(yaml: String, path: String) throws -> Bool {
    try !assignments(yaml: yaml, path: path).isEmpty
  }
}
