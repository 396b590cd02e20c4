internal import Configuration
internal import ArgumentParser

/// Reads the options that were given out of a group, by reflection, so that an option that is
/// declared cannot be forgotten on its way to the configuration.
enum GivenOptions {
  /// The given options of `group` by their long names.
  static func of(_ group: any ParsableArguments) -> [ConfigurationAssignment] {
    Mirror(reflecting: group).children.compactMap { child in
      guard let label = child.label else { return nil }
      let key = longName(label)
      switch child.value {
      case let option as Option<String?>:
        return option.wrappedValue.map { .flag(key, $0) }
      case let list as Option<[String]>:
        let texts = list.wrappedValue.map(RunConfiguration.listed)
        return texts.isEmpty ? nil : .flag(key, texts.joined(separator: ","))
      case let flag as Flag<Bool?>:
        return flag.wrappedValue.map { .flag(key, $0 ? "true" : "false") }
      default:
        fatalError("GivenOptions: --\(key) is no Option<String?>, Option<[String]> or Flag<Bool?>")
      }
    }
  }

  /// The long name that ArgumentParser gives the property behind a wrapper's label, `_lrHead`.
  private static func longName(_ label: String) -> String {
    label.drop { $0 == "_" }.reduce(into: "") { name, letter in
      name += letter.isUppercase ? "-" + letter.lowercased() : String(letter)
    }
  }
}

extension CompletionKind {
  /// The names of an enum.
  static func names<Name: CaseIterable & RawRepresentable>(of type: Name.Type) -> CompletionKind
  where Name.RawValue == String {
    .list(type.allCases.map(\.rawValue))
  }
}

extension ArgumentHelp {
  /// The help of the training option with that long name, its default appended.
  static func option(_ key: String, _ text: String, valueName: String? = nil) -> ArgumentHelp {
    let preset = RunConfiguration.demo.text(of: key)
    return ArgumentHelp(
      "\(text)\(preset.map { " (default: \($0))" } ?? "")", valueName: valueName)
  }
}
