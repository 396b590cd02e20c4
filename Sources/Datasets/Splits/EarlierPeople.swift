/// Whom the first weights of a run were trained on, in all the runs before it.
package struct EarlierPeople: Sendable, Equatable {
  /// Their names, each relative to the root of the data that it was trained on in.
  package var names: Set<String>
  /// Networks among those weights that do not say whom they were trained on.
  package var unknown: Set<String>

  /// Nobody, unless they are given.
  package init(names: Set<String> = [], unknown: Set<String> = []) {
    self.names = names
    self.unknown = unknown
  }

  /// Whether there were no first weights.
  package var isEmpty: Bool { names.isEmpty && unknown.isEmpty }

  /// One line each, in order: `*` and a name, or `?` and a network.
  var lines: [String] {
    names.sorted().map { "*" + $0 } + unknown.sorted().map { "?" + $0 }
  }
}

/// How many of the people who are measured a network has been trained on.
package struct PeopleOverlap: Sendable, Equatable {
  /// People who are measured.
  package let measured: Int
  /// Those who were trained on.
  package private(set) var trained = 0
  /// Those of `trained` whom the first weights alone were trained on.
  package private(set) var earlier = 0
  /// Those who have the number of somebody whom the first weights were trained on: in other data
  /// it may be another's.
  package private(set) var numbered = 0
  /// Those who have the name of one who was trained on, below another folder.
  package private(set) var namesakes = 0
  /// Networks that the first weights come from and that name nobody.
  package let unknown: [String]

  /// How many of `people`, by their names, `known` was trained on.
  package init(_ people: [String], known: TrainedPeople) {
    measured = people.count
    unknown = known.earlier.unknown.sorted()
    for name in people {
      if known.hasTrained(name) {
        trained += 1
      } else if known.earlier.names.contains(name) {
        if name.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
          numbered += 1
        } else {
          trained += 1
          earlier += 1
        }
      }
    }
    namesakes = known.namesakes(among: people).count
  }

  /// Whether nobody who is measured is known, or may be, to have been trained on.
  package var isNone: Bool { trained + numbered + namesakes == 0 && unknown.isEmpty }

  /// What a line of it begins with.
  package static let title = "people overlap: "

  /// "people overlap: 6 of the 12 people measured were trained on", and what else there is.
  package var line: String {
    var text = "\(Self.title)\(trained) of the \(measured) people measured were trained on"
    if earlier > 0 { text += ", \(earlier) of them before this run, by its first weights" }
    if numbered > 0 {
      text += "; \(numbered) have the number of one whom the first weights were trained on, and "
      text += "may be others"
    }
    if namesakes > 0 {
      text += "; \(namesakes) have the name of one who was, below another folder"
    }
    if !unknown.isEmpty {
      text += "; whom its first weights were trained on is not known: "
      text += "\(unknown.joined(separator: ", ")) names nobody"
    }
    return text
  }

  /// What it means for figures; nil where all who are measured are strangers, or have namesakes.
  package var warning: String? {
    if trained > 0 {
      return "\(trained) of the \(measured) people measured were trained on"
        + (earlier > 0 ? ", \(earlier) of them by the first weights alone" : "")
        + ": the figures are better than those of strangers"
    }
    if numbered > 0 {
      return "\(numbered) of the \(measured) people measured have the number of one whom the "
        + "first weights were trained on: if they are the same, these are no strangers"
    }
    guard !unknown.isEmpty else { return nil }
    return "whom \(unknown.joined(separator: ", ")) was trained on, where the first weights come "
      + "from, is not known: the people measured may be among them"
  }

  /// The line where nobody can know, as `reason` says.
  package static func unknownLine(_ reason: String) -> String { "\(title)not known: \(reason)" }

  /// Whether `line` says that nobody was trained on.
  package static func isNone(_ line: some StringProtocol) -> Bool {
    line.contains("\(title)0 of the ") && line.hasSuffix(" people measured were trained on")
  }
}
