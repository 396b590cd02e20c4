/// The people of a loss head, by class, as a checkpoint keeps them: so that an evaluation knows
/// whom the network has seen, whatever data it is given.
package struct TrainedPeople: Sendable {
  /// The name of each class's person: the folder, relative to the root of the training data.
  package let names: [String]
  /// Whether a class has training photos.
  package let trains: [Bool]
  /// Whom the weights were trained on before: people who are no classes by that.
  package var earlier: EarlierPeople
  private let classes: [String: Int]

  /// The people `names` of the classes in order, and whether each has training photos; those of
  /// its first weights are `earlier`.
  package init(names: [String], trains: [Bool], earlier: EarlierPeople = EarlierPeople()) {
    self.names = names
    self.trains = trains
    self.earlier = earlier
    classes = Dictionary(zip(names, names.indices), uniquingKeysWith: { first, _ in first })
  }

  /// Reads what `text` writes.
  package init(text: String) {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    let classes = lines.filter { !$0.hasPrefix("*") && !$0.hasPrefix("?") }
    func names(_ sign: String) -> Set<String> {
      Set(lines.filter { $0.hasPrefix(sign) }.map { String($0.dropFirst()) })
    }
    self.init(
      names: classes.map { String($0.dropFirst()) }, trains: classes.map { $0.hasPrefix("+") },
      earlier: EarlierPeople(names: names("*"), unknown: names("?")))
  }

  /// One line a class: `+` or `-` for with or without training photos, then the name; behind them
  /// a line each of `earlier`, which versions before them take for classes without photos.
  package var text: String {
    let classes = zip(names, trains).map { ($1 ? "+" : "-") + $0 }
    return (classes + earlier.lines).map {
      $0.split(separator: "\n").joined(separator: " ")
    }.joined(separator: "\n")
  }

  /// All whom the weights were trained on: what a run that begins with them has before it.
  package var all: EarlierPeople {
    var all = earlier
    for (name, trains) in zip(names, trains) where trains { all.names.insert(name) }
    return all
  }

  /// The class of the person `name`, -1 for none.
  package func classOf(_ name: String) -> Int { classes[name] ?? -1 }

  /// The class that each of these people has among `known`, -1 for who was not trained there
  /// [names.count].
  package func classes(in known: TrainedPeople?) -> [Int32] {
    names.map { name in
      guard let known, known.hasTrained(name) else { return -1 }
      return Int32(known.classOf(name))
    }
  }

  /// Those of `people` who are none of these by their whole names, and have the last part of the
  /// name of one that the network was trained on: most likely the same, found from another folder.
  package func namesakes(among people: [String]) -> [(own: String, trained: String)] {
    func last(_ name: String) -> Substring { name.split(separator: "/").last ?? "" }
    let trained = Dictionary(
      zip(names, trains).filter { $0.1 }.map { (last($0.0), $0.0) }
        + earlier.names.sorted().map { (last($0), $0) },
      uniquingKeysWith: { first, _ in first })
    return people.compactMap { own in
      guard classOf(own) < 0, !earlier.names.contains(own), let other = trained[last(own)] else {
        return nil
      }
      return (own, other)
    }
  }

  /// Whether the run was trained on photos of the person `name`; its first weights do not count.
  package func hasTrained(_ name: String) -> Bool {
    let label = classOf(name)
    return label >= 0 && trains[label]
  }
}
