extension ConfigurationOption {
  /// One entry of the table: the option called `name`, which sets `member`, read and written as
  /// `form`, and explained by `sentence` and `note`.
  ///
  /// `usual` is the value that suits the other options, where that is not always the member's
  /// default. With `follows` the option returns to it when the user names another value of that
  /// option, `once` only where nobody has named one before. `standsFor` says of which values the
  /// option is the one that writes them, where several set one member.
  static func option<Value>(
    _ group: Group, _ name: String,
    _ member: WritableKeyPath<RunConfiguration, Value> & Sendable, _ form: ValueForm<Value>,
    _ sentence: String, _ note: String = "", value valueName: String = "",
    completion: Completion? = nil, isMathematical: Bool = true, ranksMayDiffer: Bool = false,
    follows choice: Choice? = nil, once: Bool = false,
    usual: (@Sendable (RunConfiguration) -> Value)? = nil,
    idle: [Idleness] = [], standsFor: @escaping @Sendable (Value) -> Bool = { _ in true }
  ) -> ConfigurationOption {
    let words = form.words.isEmpty ? Completion.nothing : .words(form.words)
    return ConfigurationOption(
      name: name, group: group, sentence: sentence, note: note, valueName: valueName,
      input: form.input, completion: completion ?? words, member: member,
      isMathematical: isMathematical, ranksMayDiffer: ranksMayDiffer, idleness: idle,
      absence: form.absence, choice: choice, isChosenOnce: once,
      set: { $0[keyPath: member] = try form.parse($1) },
      reset: { $0[keyPath: member] = usual?($0) ?? RunConfiguration.demo[keyPath: member] },
      value: { standsFor($0[keyPath: member]) ? form.text($0[keyPath: member]) : nil },
      placelessValue: {
        standsFor($0[keyPath: member]) ? form.placeless($0[keyPath: member]) : nil
      },
      expectation: { standsFor($0[keyPath: member]) ? form.expectation($0[keyPath: member]) : nil })
  }

  /// A list of entries, each of which the compiler checks alone.
  @resultBuilder enum Table {
    static func buildBlock(_ options: ConfigurationOption...) -> [ConfigurationOption] { options }
  }
}

/// "one, two or three": the names of an enum.
func choices<Name: RawRepresentable & CaseIterable>(of type: Name.Type) -> String
where Name.RawValue == String {
  let names = type.allCases.map(\.rawValue)
  return names.dropLast().joined(separator: ", ") + " or " + (names.last ?? "")
}
