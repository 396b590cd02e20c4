private import ArgumentParser
internal import Configuration

/// Checks that several commands share.
enum Checks {
  /// Throws `ValidationError` for a number below 1 or above `limit`.
  static func positive(
    _ value: Int?, _ option: String, atMost limit: Int = 1_000_000_000
  ) throws {
    guard let value else { return }
    if value < 1 { throw ValidationError("\(option) \(value) is not positive") }
    if value > limit { throw ValidationError("\(option) \(value) is more than \(limit)") }
  }

  /// The value of `body`; its `ConfigurationError` names `option` as its place.
  static func from<Value>(_ option: String, _ body: () throws -> Value) throws -> Value {
    do {
      return try body()
    } catch let error as ConfigurationError {
      throw ConfigurationError(origin: option, error.message)
    }
  }
}
