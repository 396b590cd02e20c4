internal import Datasets

extension RunConfiguration {
  /// The configuration as YAML: every key in a fixed order, read back equal by `parse`.
  package func yamlText() -> String {
    var text = ""
    var group = ""
    for key in ConfigurationKey.all {
      if key.group != group {
        text += (group.isEmpty ? "" : "\n") + "# \(key.group)\n"
        group = key.group
      }
      if let value = key.text(self) { text += "\(key.name): \(Self.quoted(value))\n" }
    }
    return text
  }

  /// One line for each option whose change since `other` would change the mathematics of a resumed
  /// run, as "lr was 0.1, is 0.2"; the length of training, paths and comfort may change.
  package func mathematicsDifferences(from other: RunConfiguration) -> [String] {
    ConfigurationKey.all.compactMap { key in
      guard key.isMathematical else { return nil }
      let new = key.text(mathematicsOnly)
      let old = key.text(other.mathematicsOnly)
      if new == old { return nil }
      return "\(key.name) was \(old ?? "absent"), is \(new ?? "absent")"
    }
  }

  /// What all ranks of a run must have in common, as text.
  package var mathematicsText: String {
    var common = mathematicsOnly
    common.threads = nil
    common.out = nil
    return common.yamlText()
  }

  /// The same configuration with every path replaced by a word: files may move.
  private var mathematicsOnly: RunConfiguration {
    var copy = self
    if case .folder = data { copy.data = .folder("a folder") }
    if case .people = split { copy.split = .people(file: "a file") }
    if landmarks != nil { copy.landmarks = "a file" }
    if compatibleWith != nil { copy.compatibleWith = "a network" }
    if initialWeights != nil { copy.initialWeights = "a file" }
    return copy
  }

  /// The value of the option with that long name as text, nil for a name that is no option.
  package func text(of key: String) -> String? { ConfigurationKey.byName[key]?.text(self) }

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
