internal import Datasets
private import Losses
internal import Networks

extension ValueForm where Value == Augmentation {
  static var augmentation: Self {
    Self(
      parse: { word in
        if ["off", "no", "false"].contains(word.lowercased()) { return .none }
        var names: Set<String> = []
        for part in word.split(separator: ",", omittingEmptySubsequences: false)
        where word != absent && word != "default" {
          let name = String(part.prefix { $0 != ":" }.filter { !$0.isWhitespace })
          if !Augmentation.names.contains(name) {
            throw ConfigurationError(
              NearestName.complaint("augmentation", name, among: Augmentation.names))
          }
          if !names.insert(name).inserted {
            throw ConfigurationError("\(name) is given twice; keep one")
          }
        }
        do {
          return try Augmentation(parsing: word.filter { !$0.isWhitespace })
        } catch {
          throw ConfigurationError("\(error)")
        }
      }, text: { $0.description }
    ).offering(["none", "default"] + Augmentation.names)
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
            let pair = part.split(
              separator: "@", maxSplits: 1, omittingEmptySubsequences: false
            ).map(String.init)
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
    var form = Self(
      parse: { word in
        if word.isEmpty { throw ConfigurationError("the folder of photos is empty text") }
        if word == "synthetic" { return .synthetic(.usual) }
        guard word.hasPrefix("synthetic:") else { return .folder(try userPath(word)) }
        return .synthetic(try Self.synthetic(String(word.dropFirst("synthetic:".count))))
      },
      text: { source in
        switch source {
        case .folder(let path): path
        case .synthetic(let faces):
          "synthetic:people=\(faces.people),photos=\(faces.photos),size=\(faces.size)"
        }
      })
    let text = form.text
    form.placeless = {
      if case .folder = $0 { return "a folder" }
      return text($0)
    }
    return form
  }

  private static func synthetic(_ list: String) throws -> SyntheticData {
    var faces = SyntheticData.usual
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
    if let fault = faces.fault { throw ConfigurationError(fault) }
    return faces
  }
}

extension ValueForm where Value == DataSplit {
  static var split: Self {
    var form = Self(
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
          guard (1...1_000_000_000).contains(count) else {
            throw ConfigurationError(
              "the split trains on \(count) photos; give at least 1, at most 1000000000")
          }
          return kind == "random" ? .random(photos: count) : .first(photos: count)
        case "people":
          if argument.isEmpty {
            throw refuse(word, "a split; give a file of names, such as people:peopleDevTrain.txt")
          }
          return .people(file: try userPath(argument))
        case "people-random":
          guard let fraction = Configuration.number(argument) else {
            throw refuse(word, "a split; give the fraction that trains, such as people-random:0.8")
          }
          guard fraction > 0, fraction < 1 else {
            throw ConfigurationError(
              "people-random:\(argument) is not between 0 and 1; give the fraction of people that "
                + "trains")
          }
          return .peopleRandom(fraction: fraction)
        default:
          let kinds = ["all", "random", "first", "people", "people-random"]
          throw ConfigurationError(NearestName.complaint("split", kind, among: kinds))
        }
      },
      text: \.description)
    form.placeless = {
      if case .people = $0 { return "people:a file" }
      return $0.description
    }
    return form
  }
}

extension ValueForm where Value == ResumeMode {
  static var resume: Self {
    Self(
      parse: { word in
        switch word {
        case "auto": return .auto
        case "none", "no", "off", "false": return .none
        case "": throw ConfigurationError("the path is empty; give auto, none or a path")
        case "latest", "last", "newest", "true", "yes", "on":
          throw ConfigurationError(
            "'\(word)' is not auto, none or a path; auto continues the newest checkpoint of --out "
              + "(a folder of that name is ./\(word))")
        default: return .path(try userPath(word))
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

extension ValueForm where Value == TrainingLength {
  /// A length of at most `limit` of what `make` counts.
  static func length(
    limit: Int, _ make: @escaping @Sendable (Int) -> TrainingLength
  ) -> Self {
    let integer = ValueForm<Int>.integer
    return Self(parse: { make(try integer.parse($0)) }, text: { integer.text($0.count) })
      .giving("at least 1, at most \(limit)") { (1...limit).contains($0.count) }
  }
}

extension ValueForm where Value == Model {
  /// A model by its name.
  static var model: Self {
    Self(
      parse: { word in
        guard let model = Models.model(named: word) else {
          throw ConfigurationError(
            NearestName.complaint("model", word, among: Models.names), namesOption: true)
        }
        return model
      }, text: \.name
    ).offering(Models.names)
  }
}
