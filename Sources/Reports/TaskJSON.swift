private import Foundation

/// Answers of tasks as JSON.
package enum TaskJSON {
  /// `answer` with sorted keys, over several lines; numbers that are not finite are strings.
  package static func text(_ answer: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return String(decoding: try encoder.encode(answer), as: UTF8.self)
  }
}
