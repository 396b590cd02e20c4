extension ConfigurationOption {
  // Forms of values that several options have.

  static let integer = ValueForm<Int>.integer
  static let number = ValueForm<Double>.number
  static let positive = ValueForm.float("a positive number, from 1e-30 to 1e30") {
    (1e-30...1e30).contains($0)
  }
  static let notNegative = ValueForm.float("0 or a positive number, up to 1e30") {
    (0...1e30).contains($0)
  }
  static let epochs = number.within(0...1e6)
  static let pixels = integer.within(8...8192, " pixels")
  static let path = ValueForm<String>.path
  static let anyFile = Completion.file(extensions: [])

  /// A whole number from `first` to `limit`; `what` follows the first in words.
  static func atLeast(
    _ first: Int, _ what: String = "", limit: Int = 1_000_000_000
  ) -> ValueForm<Int> {
    var form = integer
    form.expectation = {
      $0 < first ? "at least \(first)\(what)" : $0 > limit ? "at most \(limit)" : nil
    }
    return form
  }
}
