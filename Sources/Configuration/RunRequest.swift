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

  /// Whether nothing is given of what a run computes: it is to go on as it is.
  package var isBare: Bool {
    guard let layers else { return false }
    return layers.joined().allSatisfy { assignment in
      ConfigurationOption.named(assignment.key)?.isMathematical == false
    }
  }

  /// The configuration of a run that begins; throws `ConfigurationError`.
  package func beginning() throws -> RunConfiguration {
    if let complaint { throw complaint }
    return configuration
  }

  /// The configuration of the run whose own is the YAML `own` of the file `path`, with what is
  /// given on top, and `refused`: where it has steps behind it (`hasBegun`), one line for each
  /// option that would change its mathematics without `--change`. Throws `ConfigurationError`.
  package func goingOn(
    from own: String, path: String, hasBegun: Bool
  ) throws -> (configuration: RunConfiguration, own: RunConfiguration, refused: [String]) {
    let before = try RunConfiguration.parse(yaml: own, path: path)
    guard let layers else {
      let differences = configuration.mathematicsDifferences(from: before)
      return (configuration, before, hasBegun ? differences : [])
    }
    // What belongs to a process and not to its run comes from the command line alone.
    let kept = try RunConfiguration.assignments(yaml: own, path: path).filter {
      !Self.ofProcess.contains($0.key)
    }
    let given = try RunConfiguration.resolve(layers: [kept] + layers, validates: false)
    let changed = Set(changes.map(\.key))
    let refused = given.changes(from: before, at: 0).filter { change in
      hasBegun && ConfigurationOption.named(change.name)?.isMathematical == true
        && !changed.contains(change.name)
    }.map { "\($0.name) was \($0.old), is \($0.new)" }
    let final = try RunConfiguration.resolve(
      layers: [kept] + layers + [changes], validates: refused.isEmpty)
    return (final, before, refused)
  }

  private static let ofProcess: Set = ["out", "resume", "threads", "quiet", "dry-run"]
}
