/// The people of a loss head, by class, as a checkpoint keeps them: so that an evaluation knows
/// whom the network has seen, whatever data it is given.
package struct TrainedPeople: Sendable {
  /// The name of each class's person: the folder, relative to the root of the training data.
  package let names: [String]
  /// Whether a class has training photos.
  package let trains: [Bool]
  private let classes: [String: Int]

  /// The people `names` of the classes in order, and whether each has training photos.
  package init(names: [String], trains: [Bool]) {
    self.names = names
    self.trains = trains
    classes = Dictionary(zip(names, names.indices), uniquingKeysWith: { first, _ in first })
  }

  /// Reads what `text` writes.
  package init(text: String) {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    self.init(
      names: lines.map { String($0.dropFirst()) }, trains: lines.map { $0.hasPrefix("+") })
  }

  /// One line a class: `+` or `-` for with or without training photos, then the name.
  package var text: String {
    zip(names, trains).map { name, trains in
      (trains ? "+" : "-") + name.split(separator: "\n").joined(separator: " ")
    }.joined(separator: "\n")
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
      zip(names, trains).filter { $0.1 }.map { (last($0.0), $0.0) },
      uniquingKeysWith: { first, _ in first })
    return people.compactMap { own in
      guard classOf(own) < 0, let other = trained[last(own)] else { return nil }
      return (own, other)
    }
  }

  /// Whether the network was trained on photos of the person `name`.
  package func hasTrained(_ name: String) -> Bool {
    let label = classOf(name)
    return label >= 0 && trains[label]
  }
}
