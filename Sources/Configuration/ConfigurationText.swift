extension RunConfiguration {
  /// The configuration as YAML: every key in a fixed order, read back equal by `parse`.
  package func yamlText() -> String {
    yamlText(of: ConfigurationOption.all) { $0.text(self) }
  }

  private func yamlText(
    of options: [ConfigurationOption], _ value: (ConfigurationOption) -> String?
  ) -> String {
    var text = ""
    var group: ConfigurationOption.Group?
    for option in options {
      if option.group != group {
        text += (group == nil ? "" : "\n") + "# \(option.group.rawValue)\n"
        group = option.group
      }
      if let value = value(option) { text += "\(option.name): \(Self.quoted(value))\n" }
    }
    return text
  }

  /// One line for each option whose change since `other` would change the mathematics of a resumed
  /// run, as "lr was 0.1, is 0.2"; the length of training, places and comfort may change.
  package func mathematicsDifferences(from other: RunConfiguration) -> [String] {
    ConfigurationOption.all.compactMap { option in
      guard option.isMathematical else { return nil }
      let (old, new) = (option.placelessText(other), option.placelessText(self))
      return old == new ? nil : "\(option.name) was \(old ?? "absent"), is \(new ?? "absent")"
    }
  }

  /// What all ranks of a run must have in common, as text.
  package var commonText: String {
    yamlText(of: ConfigurationOption.all.filter { !$0.ranksMayDiffer }) { $0.placelessText(self) }
  }

  /// The value that the written configuration has for `member`, which only one option sets; nil
  /// where it leaves that out.
  package func text(of member: PartialKeyPath<RunConfiguration>) -> String? {
    ConfigurationOption.of(member).text(self)
  }

  private static func quoted(_ value: String) -> String {
    let plain = value.unicodeScalars.allSatisfy { scalar in
      scalar.isASCII
        && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil
          || "-_./:,=+%@".unicodeScalars.contains(scalar))
    }
    let startsPlain = value.unicodeScalars.first.map { !",:=%@".unicodeScalars.contains($0) }
    let isNull = ["", "~", "null"].contains(value.lowercased())
    if plain, startsPlain == true, !value.hasSuffix(":"), value != "-", !isNull { return value }
    var text = "\""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\t": text += "\\t"
      default:
        if scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value)
          || [0x2028, 0x2029, 0xFEFF].contains(scalar.value)
        {
          let digits = String(scalar.value, radix: 16)
          text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        } else {
          text.unicodeScalars.append(scalar)
        }
      }
    }
    return text + "\""
  }
}
