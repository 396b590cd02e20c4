package import Datasets
package import Losses

/// How the value of an option is read from text and written as text that reads back equal.
package struct ValueForm<Value>: Sendable {
  /// Reads a value; throws `ConfigurationError` without origin or key.
  package let parse: @Sendable (String) throws -> Value
  let text: @Sendable (Value) -> String
}

/// The word for "nothing here" of options that can be absent.
private let absent = "none"

private func refuse(_ word: String, _ expectation: String) -> ConfigurationError {
  ConfigurationError("'\(word)' is not \(expectation)")
}

func numberText(_ value: Double) -> String {
  value == value.rounded() && abs(value) < 1e15 ? String(Int(value)) : "\(value)"
}

private func number(_ word: String) -> Double? {
  guard let value = Double(word), value.isFinite, !word.lowercased().hasPrefix("0x") else {
    return nil
  }
  return value
}

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
        if paths.contains("") { throw ConfigurationError("a path is empty") }
        return paths
      },
      text: { paths in
        paths.isEmpty ? absent : paths.map(RunConfiguration.listed).joined(separator: ",")
      })
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
      }, text: { $0 ? "true" : "false" })
  }
}

extension ValueForm where Value == String {
  static var word: Self {
    Self(
      parse: { word in
        if word.isEmpty { throw ConfigurationError("the value is empty") }
        return word
      }, text: { $0 })
  }
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
      }, text: { $0.rawValue })
  }
}

extension ValueForm {
  /// The value, or nil for `word` and for "none".
  func orNil(_ word: String) -> ValueForm<Value?> {
    ValueForm<Value?>(
      parse: { $0 == word || $0 == absent ? nil : try self.parse($0) },
      text: { $0.map(self.text) ?? word })
  }
}

extension ValueForm where Value == Augmentation {
  static var augmentation: Self {
    Self(
      parse: { word in
        for part in word.split(separator: ",", omittingEmptySubsequences: false)
        where word != absent && word != "default" {
          let name = String(part.prefix { $0 != ":" }.filter { !$0.isWhitespace })
          if !Augmentation.names.contains(name) {
            throw ConfigurationError(
              NearestName.complaint("augmentation", name, among: Augmentation.names))
          }
        }
        do {
          return try Augmentation(parsing: word.filter { !$0.isWhitespace })
        } catch {
          throw ConfigurationError("\(error)")
        }
      }, text: { $0.description })
  }
}

extension ValueForm where Value == Interval {
  static var interval: Self {
    Self(
      parse: { word in
        let isEpochs = word.hasSuffix("e")
        guard let count = Int(isEpochs ? String(word.dropLast()) : word),
          (0...1_000_000_000_000).contains(count)
        else {
          throw refuse(word, "N steps, Ne epochs or 0 for never, such as 500, 2e or 0")
        }
        if count == 0 { return .never }
        return isEpochs ? .epochs(count) : .steps(count)
      },
      text: { interval in
        switch interval {
        case .never: "0"
        case .steps(let count): "\(count)"
        case .epochs(let count): "\(count)e"
        }
      })
  }
}

extension ValueForm where Value == [Interval] {
  static var milestones: Self {
    let one = ValueForm<Interval>.interval
    return Self(
      parse: { $0 == absent ? [] : try parts(of: $0).map(one.parse) },
      text: { $0.isEmpty ? absent : $0.map(one.text).joined(separator: ",") })
  }
}

extension ValueForm where Value == MiningSchedule {
  /// A mode, then others with the step or epoch (`e`) they begin at: `semi-hard,hardest@10e`.
  static var mining: Self {
    let mode = ValueForm<MiningMode>.name("mining mode")
    let time = ValueForm<Interval>.interval
    return Self(
      parse: { word in
        MiningSchedule(
          stages: try parts(of: word).map { part in
            let pair = part.split(separator: "@", maxSplits: 1).map(String.init)
            return MiningSchedule.Stage(
              mode: try mode.parse(pair.first ?? part),
              start: pair.count == 2 ? try time.parse(pair[1]) : .never)
          })
      },
      text: { schedule in
        schedule.stages.map { stage in
          stage.mode.rawValue + (stage.start == .never ? "" : "@" + time.text(stage.start))
        }.joined(separator: ",")
      })
  }
}

extension ValueForm where Value == DataSource {
  static var data: Self {
    Self(
      parse: { word in
        if word.isEmpty { throw ConfigurationError("the folder of photos is empty text") }
        if word == "synthetic" { return .synthetic(Self.defaultSynthetic) }
        guard word.hasPrefix("synthetic:") else { return .folder(word) }
        return .synthetic(try Self.synthetic(String(word.dropFirst("synthetic:".count))))
      },
      text: { source in
        switch source {
        case .folder(let path): path
        case .synthetic(let faces):
          "synthetic:people=\(faces.people),photos=\(faces.photos),size=\(faces.size)"
        }
      })
  }

  private static var defaultSynthetic: SyntheticData {
    guard case .synthetic(let faces) = RunConfiguration.demo.data else {
      fatalError("RunConfiguration.demo must train on synthetic faces")
    }
    return faces
  }

  private static func synthetic(_ list: String) throws -> SyntheticData {
    var faces = defaultSynthetic
    var given: Set<WritableKeyPath<SyntheticData, Int>> = []
    for part in parts(of: list) {
      let pair = part.split(separator: "=", maxSplits: 1).map(String.init)
      let path: WritableKeyPath<SyntheticData, Int>
      switch pair.first {
      case "people": path = \.people
      case "photos": path = \.photos
      case "size": path = \.size
      default:
        throw ConfigurationError(
          NearestName.complaint(
            "setting of synthetic faces", pair.first ?? part, among: ["people", "photos", "size"])
        )
      }
      guard pair.count == 2, let value = Int(pair[1]) else {
        throw refuse(part, "a setting such as \(pair[0])=20")
      }
      guard given.insert(path).inserted else {
        throw ConfigurationError("\(pair[0]) is given twice; give it once")
      }
      faces[keyPath: path] = value
    }
    return faces
  }
}

extension ValueForm where Value == DataSplit {
  package static var split: Self {
    Self(
      parse: { word in
        let pair = word.split(separator: ":", maxSplits: 1).map(String.init)
        let kind = pair.first ?? ""
        let argument = pair.count == 2 ? pair[1] : ""
        switch kind {
        case "all":
          if pair.count == 1 { return .all }
          throw refuse(word, "a split; 'all' takes no argument")
        case "random", "first":
          guard let count = Int(argument) else {
            throw refuse(word, "a split; give a number of photos, such as \(kind):10000")
          }
          return kind == "random" ? .random(photos: count) : .first(photos: count)
        case "people":
          if argument.isEmpty {
            throw refuse(word, "a split; give a file of names, such as people:peopleDevTrain.txt")
          }
          return .people(file: argument)
        case "people-random":
          guard let fraction = Configuration.number(argument) else {
            throw refuse(word, "a split; give the fraction that trains, such as people-random:0.8")
          }
          return .peopleRandom(fraction: fraction)
        default:
          let kinds = ["all", "random", "first", "people", "people-random"]
          throw ConfigurationError(NearestName.complaint("split", kind, among: kinds))
        }
      },
      text: \.description)
  }
}

extension ValueForm where Value == ResumeMode {
  static var resume: Self {
    Self(
      parse: { word in
        switch word {
        case "auto": return .auto
        case "none": return .none
        case "": throw ConfigurationError("the path is empty; give auto, none or a path")
        default: return .path(word)
        }
      },
      text: { mode in
        switch mode {
        case .auto: "auto"
        case .none: "none"
        case .path(let path): path
        }
      })
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
      })
  }
}

private func parts(of list: String) -> [String] {
  list.split(separator: ",", omittingEmptySubsequences: false).map { part in
    String(part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
  }
}
