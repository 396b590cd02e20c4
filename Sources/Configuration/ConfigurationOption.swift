private import Preconditions

/// All that is known of one option of a training run beside the member that holds it: how flags,
/// help, shell completions, the YAML file and the checks treat it.
package struct ConfigurationOption: Sendable {
  /// How the command line takes an option.
  package enum Input: Sendable {
    /// `--name VALUE`.
    case value
    /// The same for values that may begin with a dash.
    case dashedValue
    /// `--name VALUE`, as often as wanted.
    case list
    /// `--name` and `--no-name`.
    case flag
  }

  /// Whether the value is the path of one file or folder.
  var isOnePath: Bool {
    switch (completion, input) {
    case (_, .list), (.nothing, _), (.words, _): false
    case (.file, _), (.folder, _): true
    }
  }

  /// What a shell offers after the flag.
  package enum Completion: Sendable, Equatable {
    case nothing
    case words([String])
    /// Files that end in one of these, or any.
    case file(extensions: [String])
    case folder
  }

  /// The long name: `--name`, and `name:` of the YAML file.
  package let name: String
  /// The heading under which file and help list it.
  package let group: Group
  /// What it is for, without the full stop, as every command that takes it says.
  package let sentence: String
  /// What training adds to the sentence, such as ", the first one counts".
  package let note: String
  /// What stands for the value in help; empty for flags.
  package let valueName: String
  /// Whether a value follows the flag, and which.
  package let input: Input
  /// What a shell offers in the place of the value.
  package let completion: Completion
  /// The member that holds the value.
  package let member: PartialKeyPath<RunConfiguration> & Sendable
  /// Whether another value gives other weights, so that a resumed run must keep it.
  package let isMathematical: Bool
  /// Whether ranks of one run may have other values of it.
  package let ranksMayDiffer: Bool
  /// Where the option does nothing, so that nobody may change it there.
  package let idleness: [Idleness]
  /// The word for no value, where there may be none.
  package let absence: String?
  /// The option whose own default for this one is taken where the user names another value of it.
  let choice: Choice?
  /// Whether that holds only for the first one who names it, be it the same value again.
  let isChosenOnce: Bool

  /// Sets the option from text; throws `ConfigurationError` without origin.
  package let set: @Sendable (inout RunConfiguration, String) throws -> Void
  /// Sets what is usual beside the other options.
  package let reset: @Sendable (inout RunConfiguration) -> Void
  /// The value as text that `set` reads back; nil where another option of the same member stands
  /// for it.
  package let value: @Sendable (RunConfiguration) -> String?
  /// The value as text without the places in it.
  let placelessValue: @Sendable (RunConfiguration) -> String?
  /// What to give in the place of a value out of range.
  let expectation: @Sendable (RunConfiguration) -> String?

  /// The value as the YAML file has it; nil where the file leaves the option out.
  package func text(_ configuration: RunConfiguration) -> String? {
    group.isWritten(configuration) ? value(configuration) : nil
  }

  /// That text without the places in it: two runs whose texts are equal compute the same.
  func placelessText(_ configuration: RunConfiguration) -> String? {
    group.isWritten(configuration) ? placelessValue(configuration) : nil
  }

  /// The sentence of train's help: what it is for, and the default where there is one.
  package var help: String {
    let preset = value(.demo).map { " (default: \($0))" } ?? ""
    return "\(sentence)\(note)\(absenceNote).\(preset)"
  }
}

extension ConfigurationOption {
  /// The word for no value, where the sentence does not say what it means.
  private var absenceNote: String {
    guard let absence, !sentence.split(whereSeparator: { !$0.isLetter }).contains(absence[...])
    else { return "" }
    return ", or \(absence)"
  }

  /// Every option, in the order of the written configuration and of the help.
  package static let all =
    dataOptions + modelOptions + tripletOptions + optimizerOptions + runOptions

  private static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })

  /// The option with that long name; nil for a name that is no option.
  package static func named(_ name: String) -> ConfigurationOption? { byName[name] }

  /// The option that sets `member`, the first where there are several; traps where none does.
  package static func of(_ member: PartialKeyPath<RunConfiguration>) -> ConfigurationOption {
    let option = all.first { $0.member == member }
    require(option != nil, "ConfigurationOption: no option sets \(member)")
    return option!
  }

  /// "unknown key 'WORD'; did you mean 'NEAREST'?".
  static func complaint(unknown word: String) -> String {
    NearestName.complaint("key", word, among: all.map(\.name))
  }
}

extension ConfigurationOption {
  /// An option whose value brings defaults of its own for others.
  package enum Choice: Sendable, CaseIterable {
    case loss, optimizer, schedule, model

    /// The option that is followed.
    package var option: ConfigurationOption {
      switch self {
      case .loss: .of(\.loss)
      case .optimizer: .of(\.optimizer)
      case .schedule: .of(\.schedule)
      case .model: .of(\.model)
      }
    }
  }

  /// A heading of the written configuration.
  package enum Group: String, Sendable {
    case data, model, loss, triplets, step, optimizer
    case rate = "learning rate"
    case evaluation, run, logs

    /// Where the help lists the options of the group.
    package var section: Section {
      switch self {
      case .data: .data
      case .model, .loss: .model
      case .triplets: .triplets
      case .step, .optimizer, .rate: .optimizer
      case .evaluation, .run, .logs: .run
      }
    }

    /// Whether the written configuration has the group: triplets are for their loss alone.
    func isWritten(_ configuration: RunConfiguration) -> Bool {
      self != .triplets || configuration.loss == .triplet
    }
  }

  /// A part of the help, by its title.
  package enum Section: String, Sendable, CaseIterable {
    case data = "Data"
    case model = "Model and loss"
    case triplets = "Triplets"
    case optimizer = "Steps and optimizer"
    case run = "Run folder, checkpoints, evaluation"

    /// The options that it lists.
    package var options: [ConfigurationOption] { all.filter { $0.group.section == self } }
  }
}
