private import ArgumentParser
internal import Configuration

/// Checks that several commands share.
enum Checks {
  /// Throws `ValidationError` for a number below 1.
  static func positive(_ value: Int?, _ option: String) throws {
    if let value, value < 1 { throw ValidationError("\(option) \(value) is not positive") }
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
