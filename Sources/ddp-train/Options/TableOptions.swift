internal import ArgumentParser
internal import Configuration
private import Interchange

/// Options of the table that a command takes.
protocol OptionList {
  static var options: [ConfigurationOption] { get }
  static func help(of option: ConfigurationOption) -> String
}

extension OptionList {
  static func help(of option: ConfigurationOption) -> String { option.help }
}

/// A part of train's help, as a type.
protocol OptionSection: OptionList {
  static var section: ConfigurationOption.Section { get }
}

extension OptionSection {
  static var options: [ConfigurationOption] { section.options }
  static var title: String { section.rawValue }
}

/// The parts of train's help.
enum Sections {
  enum Data: OptionSection { static let section = ConfigurationOption.Section.data }
  enum Model: OptionSection { static let section = ConfigurationOption.Section.model }
  enum Triplets: OptionSection { static let section = ConfigurationOption.Section.triplets }
  enum Optimizer: OptionSection { static let section = ConfigurationOption.Section.optimizer }
  enum Run: OptionSection { static let section = ConfigurationOption.Section.run }
}

/// The flags of the options of `List`, and what was given of them.
///
/// ArgumentParser asks a type for its flags by reflection and gives their values back by decoding;
/// here both come from the table, in the place of a stored property a flag.
struct TableOptions<List: OptionList>: ParsableArguments, CustomReflectable {
  /// What was given, in the order of the table.
  var given: [ConfigurationAssignment] = []

  init() {}

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: LongName.self)
    given = try List.options.compactMap { option in
      let key = LongName(stringValue: option.name)
      let text: String?
      switch option.input {
      case .value, .dashedValue:
        text = try container.decode(Option<String?>.self, forKey: key).wrappedValue
      case .list:
        let texts = try container.decode(Option<[String]>.self, forKey: key).wrappedValue
        text = texts.isEmpty ? nil : texts.map(RunConfiguration.listed).joined(separator: ",")
      case .flag:
        let isOn = try container.decode(Flag<Bool?>.self, forKey: key).wrappedValue
        text = isOn.map { $0 ? "true" : "false" }
      }
      return text.map { .flag(option.name, $0) }
    }
  }

  var customMirror: Mirror {
    Mirror(
      self,
      children: List.options.map { option -> Mirror.Child in
        (option.name, Self.declaration(of: option))
      })
  }

  private static func declaration(of option: ConfigurationOption) -> Any {
    let name = NameSpecification.customLong(option.name)
    let help = ArgumentHelp(
      "\(List.help(of: option))", valueName: option.valueName.isEmpty ? nil : option.valueName)
    let completion = CompletionKind(option.completion)
    switch option.input {
    case .value:
      return Option<String?>(name: name, help: help, completion: completion)
    case .dashedValue:
      return Option<String?>(
        name: name, parsing: .unconditional, help: help, completion: completion)
    case .list:
      return Option<[String]>(wrappedValue: [], name: name, help: help, completion: completion)
    case .flag:
      return Flag<Bool?>(name: name, inversion: .prefixedNo, help: help)
    }
  }

  private struct LongName: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { return nil }
  }
}

extension Option {
  /// train's option for `member` under its name, form and words, in a command that takes it alone;
  /// `sentence` where that command means something of its own by it.
  init<T>(
    as member: KeyPath<RunConfiguration, T> & Sendable, _ sentence: String? = nil
  ) where Value == T? {
    let option = ConfigurationOption.of(member)
    self.init(
      name: .customLong(option.name), help: ArgumentHelp(option, sentence),
      completion: CompletionKind(option.completion),
      transform: { try RunConfiguration.value(of: member, from: $0) })
  }

  /// The same for members that may be nil.
  init<T>(
    as member: KeyPath<RunConfiguration, T?> & Sendable, _ sentence: String? = nil
  ) where Value == T? {
    let option = ConfigurationOption.of(member)
    self.init(
      name: .customLong(option.name), help: ArgumentHelp(option, sentence),
      completion: CompletionKind(option.completion),
      transform: { try Self.given(member, $0) })
  }

  /// The same for options that must be given.
  init(
    required member: KeyPath<RunConfiguration, Value> & Sendable, _ sentence: String? = nil
  ) {
    let option = ConfigurationOption.of(member)
    self.init(
      name: .customLong(option.name), help: ArgumentHelp(option, sentence),
      completion: CompletionKind(option.completion),
      transform: { try RunConfiguration.value(of: member, from: $0) })
  }

  /// The same for options that must be given, of members that may be nil.
  init(
    required member: KeyPath<RunConfiguration, Value?> & Sendable, _ sentence: String? = nil
  ) {
    let option = ConfigurationOption.of(member)
    self.init(
      name: .customLong(option.name), help: ArgumentHelp(option, sentence),
      completion: CompletionKind(option.completion),
      transform: { try Self.given(member, $0) })
  }

  /// The value of `text`, which must not be that of an option left out.
  private static func given<T>(
    _ member: KeyPath<RunConfiguration, T?>, _ text: String
  ) throws -> T {
    guard let value = try RunConfiguration.value(of: member, from: text) else {
      throw ConfigurationError("give a value, or no --\(ConfigurationOption.of(member).name)")
    }
    return value
  }
}

extension Option where Value == [String] {
  /// The same for a list of paths, each of which is given by itself.
  init(
    wrappedValue: [String], as member: KeyPath<RunConfiguration, [String]> & Sendable,
    _ sentence: String? = nil
  ) {
    let option = ConfigurationOption.of(member)
    self.init(
      wrappedValue: wrappedValue, name: .customLong(option.name),
      help: ArgumentHelp(option, sentence), completion: CompletionKind(option.completion),
      transform: { text in
        let paths = try RunConfiguration.value(of: member, from: RunConfiguration.listed(text))
        guard let path = paths.first else {
          throw ConfigurationError("give a path, or no --\(option.name)")
        }
        return path
      })
  }
}

extension Option where Value == String? {
  /// The file of train's options, in the commands that take one.
  init(config sentence: String) {
    self.init(
      name: .customLong("config"), help: ArgumentHelp("\(sentence).", valueName: "file"),
      completion: .file(extensions: ["yaml", "yml"]), transform: UserPath.read)
  }
}

extension Flag where Value == Bool? {
  /// train's flag for `member` under its name and words, in a command that takes it alone.
  init(as member: KeyPath<RunConfiguration, Bool>) {
    let option = ConfigurationOption.of(member)
    self.init(
      name: .customLong(option.name), inversion: .prefixedNo, help: ArgumentHelp(option, nil))
  }
}

extension ArgumentHelp {
  fileprivate init(_ option: ConfigurationOption, _ sentence: String?) {
    self.init(
      "\(sentence ?? option.sentence).",
      valueName: option.valueName.isEmpty ? nil : option.valueName)
  }
}

extension CompletionKind {
  fileprivate init(_ completion: ConfigurationOption.Completion) {
    self =
      switch completion {
      case .nothing: .default
      case .words(let words): .list(words)
      case .file(let extensions): .file(extensions: extensions)
      case .folder: .directory
      }
  }

  /// The names of an enum.
  static func names<Name: CaseIterable & RawRepresentable>(of type: Name.Type) -> CompletionKind
  where Name.RawValue == String {
    .list(type.allCases.map(\.rawValue))
  }
}
