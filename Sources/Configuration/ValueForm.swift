internal import Datasets
internal import Interchange

/// How the value of an option is read from text and written as text that reads back equal.
struct ValueForm<Value>: Sendable {
  /// Reads a value; throws `ConfigurationError` without origin or key.
  let parse: @Sendable (String) throws -> Value
  let text: @Sendable (Value) -> String
  /// The text without what it says of places, such as paths, which do not tell two runs apart.
  var placeless: @Sendable (Value) -> String
  /// The words to choose from, where there are few.
  var words: [String] = []
  /// How the command line takes it.
  var input = ConfigurationOption.Input.value
  /// The word for no value, where there may be none.
  var absence: String?
  /// What to give in the place of a value that parses and is still no good; nil for a good one.
  var expectation: @Sendable (Value) -> String? = { _ in nil }

  init(
    parse: @escaping @Sendable (String) throws -> Value,
    text: @escaping @Sendable (Value) -> String
  ) {
    self.parse = parse
    self.text = text
    placeless = text
  }

  /// The form whose values must hold `condition`, as the words "give `expectation`" say.
  func giving(
    _ expectation: String, where condition: @escaping @Sendable (Value) -> Bool
  ) -> Self {
    var form = self
    form.expectation = { condition($0) ? nil : expectation }
    return form
  }

  /// The form whose values lie in `range`, as "LOWEST to HIGHEST" says, `before` it and `after` it
  /// other words.
  func within(
    _ range: ClosedRange<Value>, before: String = "", _ after: String = ""
  ) -> Self where Value: Comparable & Sendable {
    giving("\(before)\(text(range.lowerBound)) to \(text(range.upperBound))\(after)") {
      range.contains($0)
    }
  }

  /// The form of a place: another one is no other run.
  func place(_ word: String) -> Self {
    var form = self
    form.placeless = { _ in word }
    return form
  }

  /// The form with `words` to choose from.
  func offering(_ words: [String]) -> Self {
    var form = self
    form.words = words
    return form
  }

  /// The form that the command line takes as `input`.
  private func taken(as input: ConfigurationOption.Input) -> Self {
    var form = self
    form.input = input
    return form
  }
}

/// The path that `text` means; throws `ConfigurationError` without origin.
func userPath(_ text: String) throws -> String {
  do throws(UserPath.Failure) {
    return try UserPath.read(text)
  } catch {
    throw ConfigurationError(error.description)
  }
}

/// The word for "nothing here" of options that can be absent.
let absent = "none"

func refuse(_ word: String, _ expectation: String) -> ConfigurationError {
  ConfigurationError("'\(word)' is not \(expectation)")
}

func numberText(_ value: Double) -> String {
  value == value.rounded() && abs(value) < 1e15 ? String(Int(value)) : "\(value)"
}

extension RunConfiguration {
  /// `value` as options have it: a whole number without a fraction.
  package static func text(of value: Double) -> String { numberText(value) }
}

func number(_ word: String) -> Double? { DecimalNumber.read(word) }

extension ValueForm where Value == Int {
  static var integer: Self {
    Self(
      parse: { word in
        guard let value = Int(word) else { throw refuse(word, "a whole number") }
        return value
      }, text: { String($0) })
  }
}

extension ValueForm where Value == ImageSize {
  static var imageSize: Self {
    Self(
      parse: { word in
        guard let value = ImageSize(word) else {
          throw refuse(word, "a size in pixels such as 112, or 140x116, height first")
        }
        return value
      }, text: { $0.description })
  }
}

extension ValueForm where Value == UInt64 {
  static var seed: Self {
    Self(
      parse: { word in
        guard let value = UInt64(word) else {
          throw refuse(word, "a whole number from 0 to \(UInt64.max)")
        }
        return value
      }, text: { String($0) })
  }
}

extension ValueForm where Value == Double {
  static var number: Self {
    Self(
      parse: { word in
        guard let value = Configuration.number(word) else { throw refuse(word, "a number") }
        return value
      }, text: { numberText($0) })
  }

  /// A number that is computed with as a 32-bit float and must hold `condition`, as the words
  /// "give `expectation`" say: as a float too it lies below `limit`, and is 0 only where it is.
  static func float(
    _ expectation: String, below limit: Double = .infinity,
    where condition: @escaping @Sendable (Double) -> Bool
  ) -> Self {
    var form = number
    form.expectation = { value in
      guard condition(value), value < limit else { return expectation }
      let rounded = Float(value)
      if value != 0, !rounded.isNormal {
        return expectation + " (nothing between 0 and 1.2e-38, which a 32-bit float does not hold)"
      }
      return Double(rounded) < limit
        ? nil : expectation + " (as a 32-bit float it is \(rounded))"
    }
    return form
  }

  static var fraction: Self {
    Self(
      parse: { word in
        let isPercentage = word.hasSuffix("%")
        guard let value = Configuration.number(isPercentage ? String(word.dropLast()) : word) else {
          throw refuse(word, "a fraction such as 0.01 or 1%")
        }
        return isPercentage ? value / 100 : value
      }, text: { numberText($0) })
  }
}

extension ValueForm where Value == [Double] {
  /// Numbers with commas between them, or `none`.
  static var numbers: Self {
    Self(
      parse: { word in
        if word == absent { return [] }
        return try parts(of: word).map { part in
          guard let value = Configuration.number(part) else {
            throw refuse(part, "a number (several are written 1,0.3,0.2)")
          }
          return value
        }
      }, text: { $0.isEmpty ? absent : $0.map(numberText).joined(separator: ",") })
  }
}

extension ValueForm where Value == [String] {
  /// Paths with commas between them (`\\,` is a comma in a path), or `none`.
  static var paths: Self {
    Self(
      parse: { word in
        if word == absent { return [] }
        var paths = [""]
        var isEscaped = false
        for letter in word {
          if isEscaped {
            if letter != ",", letter != "\\" { paths[paths.count - 1].append("\\") }
            paths[paths.count - 1].append(letter)
            isEscaped = false
          } else if letter == "\\" {
            isEscaped = true
          } else if letter == "," {
            paths.append("")
          } else {
            paths[paths.count - 1].append(letter)
          }
        }
        if isEscaped { paths[paths.count - 1].append("\\") }
        return try paths.map(userPath)
      },
      text: { paths in
        paths.isEmpty ? absent : paths.map(RunConfiguration.listed).joined(separator: ",")
      }
    ).taken(as: .list)
  }
}

extension RunConfiguration {
  /// `path` as one of a list of paths with commas between them.
  package static func listed(_ path: String) -> String {
    path.map { $0 == "," || $0 == "\\" ? "\\\($0)" : "\($0)" }.joined()
  }
}

extension ValueForm where Value == Bool {
  static var truth: Self {
    Self(
      parse: { word in
        switch word.lowercased() {
        case "true", "yes", "on": return true
        case "false", "no", "off": return false
        default: throw refuse(word, "true or false")
        }
      }, text: { $0 ? "true" : "false" }
    ).offering(["on", "off"]).taken(as: .flag)
  }
}

extension ValueForm where Value == String {
  /// A file or folder.
  static var path: Self { Self(parse: userPath, text: { $0 }) }
}

extension ValueForm
where
  Value: RawRepresentable & CaseIterable & Sendable, Value.RawValue == String,
  Value.AllCases: Sendable
{
  /// One of the names of an enum; `kind` is what the error calls it.
  static func name(_ kind: String) -> Self {
    Self(
      parse: { word in
        if let value = Value(rawValue: word) { return value }
        let names = Value.allCases.map(\.rawValue)
        throw ConfigurationError(NearestName.complaint(kind, word, among: names))
      }, text: { $0.rawValue }
    ).offering(Value.allCases.map(\.rawValue))
  }
}

extension ValueForm {
  /// The value, or nil for `word` and for "none".
  func orNil(_ word: String) -> ValueForm<Value?> {
    var form = ValueForm<Value?>(
      parse: { $0 == word || $0 == absent ? nil : try self.parse($0) },
      text: { $0.map(self.text) ?? word })
    form.placeless = { $0.map(self.placeless) ?? word }
    form.words = words.isEmpty ? [] : words + [word]
    form.expectation = { $0.flatMap(self.expectation) }
    form.absence = word
    return form
  }
}

extension ValueForm where Value == GradientGrid {
  static var grid: Self {
    Self(
      parse: { word in
        if word == "auto" { return .automatic }
        guard let exponent = Int(word) else {
          throw refuse(word, "auto or the exponent of a power of two, such as -30")
        }
        return .exponent(exponent)
      },
      text: { grid in
        switch grid {
        case .automatic: "auto"
        case .exponent(let exponent): String(exponent)
        }
      }
    ).taken(as: .dashedValue)
  }
}

func parts(of list: String) -> [String] {
  list.split(separator: ",", omittingEmptySubsequences: false).map { part in
    String(part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
  }
}
