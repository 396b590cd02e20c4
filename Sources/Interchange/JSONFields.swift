/// The members of a JSON object that are texts or whole numbers, as text; the last of each name.
package struct JSONFields {
  private var fields: [String: String] = [:]

  /// Reads an object of at most a thousand values that fills `bytes`; nil where they are none.
  package init?(_ bytes: [UInt8]) {
    guard case .object(let members)? = try? HeaderJSON.parse(bytes, valueLimit: 1000) else {
      return nil
    }
    for pair in members {
      let (key, value) = (pair.key, pair.value)
      switch value {
      case .string(let text, _): fields[key] = text
      case .integer(let number): fields[key] = String(number)
      case .object, .array, .other: fields[key] = nil
      }
    }
  }

  package subscript(name: String) -> String? { fields[name] }

  /// `fields` as a JSON object in one line.
  package static func text(_ fields: KeyValuePairs<String, String>) -> String {
    "{" + fields.map { "\(HeaderJSON.quoted($0)):\(HeaderJSON.quoted($1))" }.joined(separator: ",")
      + "}"
  }
}
