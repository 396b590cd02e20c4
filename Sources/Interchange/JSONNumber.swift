private import Foundation

/// Numbers as JSON has them.
package enum JSONNumber {
  /// The shortest text that reads back as `value`; `null` where JSON has none.
  package static func text(_ value: Double) -> String { value.isFinite ? "\(value)" : "null" }

  /// `text` as a JSON string.
  package static func quoted(_ text: String) -> String {
    (try? JSONEncoder().encode(text)).map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
  }
}
