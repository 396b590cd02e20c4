internal import Datasets
private import Foundation
internal import Networks
private import Yams

/// One option given by the user: its long name, its text, and where it was written.
package struct ConfigurationAssignment: Sendable, Equatable {
  /// The long name, such as `image-size`.
  package let key: String
  /// The value as written.
  package let text: String
  /// `--image-size` or `FILE:LINE`.
  package let origin: String

  /// The option `key` set to `text` at `origin`.
  package init(key: String, text: String, origin: String) {
    self.key = key
    self.text = text
    self.origin = origin
  }

  /// An option of the command line.
  package static func flag(_ key: String, _ text: String) -> Self {
    Self(key: key, text: text, origin: "--\(key)")
  }

  /// The option of the command line that sets `member` to `value`.
  package static func flag<Value>(
    _ member: WritableKeyPath<RunConfiguration, Value>, _ value: Value
  ) -> Self {
    let option = ConfigurationOption.of(member)
    var configuration = RunConfiguration.demo
    configuration[keyPath: member] = value
    return .flag(option.name, option.value(configuration) ?? "")
  }
}

extension RunConfiguration {
  /// The configuration that `flags` over the YAML `file` over the demo mean, validated.
  ///
  /// A file or a set of flags that names another loss, optimizer, schedule or model than what lies
  /// below it starts from that one's own margin, rate and so on. Throws `ConfigurationError`.
  package static func resolve(
    file: String? = nil, flags: [ConfigurationAssignment] = []
  ) throws -> RunConfiguration {
    try resolve(layers: layers(file: file, flags: flags))
  }

  /// The options of the YAML `file`, if there is one, and then `flags`. Throws
  /// `ConfigurationError`.
  static func layers(
    file: String?, flags: [ConfigurationAssignment]
  ) throws -> [[ConfigurationAssignment]] {
    var layers = [flags]
    if let file {
      let bytes: Data
      do {
        // Pipes as well, such as those that a shell makes of <(...).
        let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: file))
        bytes = try handle.readToEnd() ?? Data()
      } catch {
        let code =
          ((error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError ?? error as NSError)
        let reason =
          code.domain == NSPOSIXErrorDomain
          ? String(cString: strerror(Int32(code.code))) : "\(error)"
        throw ConfigurationError(
          origin: "--config", "cannot read '\(file)': \(reason); give a readable YAML file")
      }
      guard let yaml = String(data: bytes, encoding: .utf8) else {
        throw ConfigurationError(origin: file, "the file is not UTF-8 text")
      }
      layers.insert(try assignments(yaml: yaml, path: file), at: 0)
    }
    return layers
  }

  /// The configuration that the YAML text means over the demo, validated; `path` is for errors.
  /// Throws `ConfigurationError`.
  package static func parse(yaml: String, path: String) throws -> RunConfiguration {
    try resolve(layers: [assignments(yaml: yaml, path: path)])
  }

  /// The value that `text` means for the one option that sets `member`, for commands that share
  /// options with train. Throws `ConfigurationError` without origin.
  package static func value<Value>(
    of member: KeyPath<RunConfiguration, Value>, from text: String
  ) throws -> Value {
    let option = ConfigurationOption.of(member)
    var configuration = RunConfiguration.demo
    try option.set(&configuration, text)
    if let expectation = option.expectation(configuration) {
      throw ConfigurationError("give \(expectation)")
    }
    return configuration[keyPath: member]
  }

  /// The configuration that `layers`, later over earlier ones, mean over the demo; without
  /// `validates` its options may contradict each other. Throws `ConfigurationError`.
  static func resolve(
    layers: [[ConfigurationAssignment]], validates: Bool = true
  ) throws -> RunConfiguration {
    var configuration = RunConfiguration.demo
    var origins: [String: String] = [:]
    for layer in layers { try configuration.apply(layer, origins: &origins) }
    let isGiven = { origins[ConfigurationOption.of($0).name] != nil }
    if isGiven(\.crop), !isGiven(\.imageSize), let crop = configuration.crop,
      !configuration.model.fixesImage
    {
      configuration.imageSize = ImageSize(side: crop)
    }
    guard validates else { return configuration }
    do {
      try configuration.validate()
    } catch let violation as ConfigurationViolation {
      let places = violation.keys.map { origins[$0] ?? $0 }
      throw ConfigurationError(
        origin: Set(places).sorted { places.firstIndex(of: $0)! < places.firstIndex(of: $1)! }
          .joined(separator: ", "), violation.message)
    }
    return configuration
  }

  private mutating func apply(
    _ layer: [ConfigurationAssignment], origins: inout [String: String]
  ) throws {
    var given: [String: ConfigurationAssignment] = [:]
    for assignment in layer {
      guard ConfigurationOption.named(assignment.key) != nil else {
        throw ConfigurationError(
          origin: assignment.origin, ConfigurationOption.complaint(unknown: assignment.key))
      }
      given[assignment.key] = assignment
    }
    let lengths = ConfigurationOption.all.filter { $0.member == \.length }
      .compactMap { given[$0.name] }
    if lengths.count > 1 {
      let places = lengths.map(\.origin)
      throw ConfigurationError(
        origin: Set(places).count == 1 ? nil : places.joined(separator: ", "),
        lengths.map(\.key).joined(separator: " and ")
          + " are both given; training has one length, remove one of them")
    }
    let below = self
    for choice in ConfigurationOption.Choice.allCases {
      if let assignment = given[choice.option.name] { try set(assignment) }
    }
    takeUsual(
      changedFrom: below,
      chosen: Set(given.keys.filter { origins[$0] == nil }))
    for assignment in layer {
      try set(assignment)
      origins[assignment.key] = assignment.origin
    }
  }

  /// What belonged to another loss, optimizer, schedule or model does not outlive it; nor does what
  /// the demo chose for its own, where the user is the first to name one: `chosen`.
  private mutating func takeUsual(
    changedFrom below: RunConfiguration, chosen: Set<String>
  ) {
    for option in ConfigurationOption.all {
      guard let choice = option.choice?.option else { continue }
      let isOther = !option.isChosenOnce && choice.value(self) != choice.value(below)
      if isOther || chosen.contains(choice.name) { option.reset(&self) }
    }
  }

  private mutating func set(_ assignment: ConfigurationAssignment) throws {
    do {
      try ConfigurationOption.named(assignment.key)?.set(&self, assignment.text)
    } catch let error as ConfigurationError {
      let isFlag = assignment.origin == "--\(assignment.key)"
      throw ConfigurationError(
        origin: assignment.origin,
        (isFlag || error.namesOption ? "" : "\(assignment.key): ") + error.message)
    }
  }

  /// The keys and values of a YAML mapping, with their lines. Throws `ConfigurationError`.
  static func assignments(yaml: String, path: String) throws -> [ConfigurationAssignment] {
    let root: Node?
    do {
      root = try Yams.compose(yaml: yaml)
    } catch let error as YamlError {
      throw configurationError(error, path: path)
    }
    guard let root, !isNull(root) else { return [] }
    guard let mapping = root.mapping else {
      throw ConfigurationError(
        origin: place(path, root), "the file is not a list of 'key: value' lines")
    }
    return try mapping.map { key, value in
      guard let name = key.scalar?.string else {
        throw ConfigurationError(origin: place(path, key), "a key is not a plain word")
      }
      if name == "config" {
        throw ConfigurationError(
          origin: place(path, key), "config: a file cannot name another file; remove this line")
      }
      guard name != "<<" else {
        throw ConfigurationError(
          origin: place(path, key), "<<: merges are not read; write the options out")
      }
      guard let option = ConfigurationOption.named(name) else {
        throw ConfigurationError(
          origin: place(path, key), ConfigurationOption.complaint(unknown: name))
      }
      return ConfigurationAssignment(
        key: name, text: try text(of: value, for: option, path: path), origin: place(path, key))
    }
  }

  private static func text(
    of node: Node, for option: ConfigurationOption, path: String
  ) throws -> String {
    if isNull(node) {
      var configuration = RunConfiguration.demo
      guard (try? option.set(&configuration, "none")) != nil else {
        throw ConfigurationError(
          origin: place(path, node), "\(option.name): has no value; give one, or remove the line")
      }
      return "none"
    }
    if let scalar = node.scalar { return scalar.string }
    if let sequence = node.sequence {
      guard !option.isOnePath else {
        throw ConfigurationError(
          origin: place(path, node), "\(option.name): takes one path, not a list of them")
      }
      let parts = sequence.compactMap { $0.scalar?.string }
      if parts.count == sequence.count {
        if parts.isEmpty { return "none" }
        let isOfPaths = if case .list = option.input { true } else { false }
        return (isOfPaths ? parts.map(listed) : parts).joined(separator: ",")
      }
    }
    throw ConfigurationError(
      origin: place(path, node),
      "\(option.name): takes one value or a flat list, not a nested mapping")
  }

  private static func isNull(_ node: Node) -> Bool {
    guard let scalar = node.scalar, scalar.style == .plain || scalar.style == .any else {
      return false
    }
    return ["", "~", "null", "Null", "NULL"].contains(scalar.string)
  }

  private static func place(_ path: String, _ node: Node) -> String {
    node.mark.map { "\(path):\($0.line)" } ?? path
  }

  private static func configurationError(_ error: YamlError, path: String) -> ConfigurationError {
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      return ConfigurationError(origin: "\(path):\(mark.line)", "not valid YAML: \(problem)")
    case .duplicatedKeysInMapping(let duplicates, let context):
      return ConfigurationError(
        origin: "\(path):\(context.mark.line)",
        "key given twice: \(duplicates.sorted().joined(separator: ", ")); keep one")
    default:
      let first = "\(error)".split(separator: "\n").first.map(String.init) ?? "unreadable"
      return ConfigurationError(origin: path, "not valid YAML: \(first)")
    }
  }
}
