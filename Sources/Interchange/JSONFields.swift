/// The members of a JSON object that are texts or numbers, as text; the last of each name.
package struct JSONFields {
  private var fields: [String: String] = [:]

  /// Reads an object that fills `bytes`, whatever its lists and objects hold; nil where it is none,
  /// or one of more than a hundred thousand members.
  package init?(_ bytes: [UInt8]) {
    guard let members = try? HeaderJSON.members(of: bytes, limit: 100_000) else { return nil }
    for (key, value) in members {
      switch value {
      case .string(let text, _): fields[key] = text
      case .integer(let number): fields[key] = String(number)
      case .number(let text): fields[key] = text
      case .object, .array, .other: fields[key] = nil
      }
    }
  }

  /// The names of the members, sorted bytewise.
  package var names: [String] {
    fields.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// The text of the member `name`; nil where there is none.
  package subscript(name: String) -> String? { fields[name] }

  /// `fields` as a JSON object in one line.
  package static func text(_ fields: KeyValuePairs<String, String>) -> String {
    "{" + fields.map { "\(HeaderJSON.quoted($0)):\(HeaderJSON.quoted($1))" }.joined(separator: ",")
      + "}"
  }
}
