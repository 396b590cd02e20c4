/// Embeddings with a name a row, a row that stands again with the same numbers once.
package struct DistinctRows {
  /// One row a name.
  package let embeddings: Embeddings
  /// What each row is of.
  package let names: [String]
  /// What is to be said of names that stand several times, a sentence each.
  package let notes: [String]

  /// Takes the rows of `embeddings` [names.count, dimension] of those `names`.
  package init(_ embeddings: Embeddings, names: [String]) {
    var places: [String: Int] = [:]
    places.reserveCapacity(names.count)
    var again: Set<Int> = []
    var examples: (same: Int?, other: Int?)
    var others: Set<String> = []
    for (row, name) in names.enumerated() {
      guard let first = places[name] else {
        places[name] = row
        continue
      }
      if Self.areEqual(embeddings, first, row) {
        again.insert(row)
        examples.same = examples.same ?? row
      } else {
        others.insert(name)
        examples.other = examples.other ?? row
      }
    }
    var notes: [String] = []
    if let row = examples.same {
      notes.append(
        "\(again.count) rows stand again with the same name and numbers, such as '\(names[row])', "
          + "and count once")
    }
    if let row = examples.other {
      notes.append(
        "\(others.count) \(others.count == 1 ? "name stands" : "names stand") several times with "
          + "other numbers, such as '\(names[row])' in the rows \((places[names[row]] ?? 0) + 1) "
          + "and \(row + 1); whoever names them means no photo")
    }
    self.notes = notes
    guard !again.isEmpty else {
      (self.embeddings, self.names) = (embeddings, names)
      return
    }
    let rows = names.indices.filter { !again.contains($0) }
    let dimension = embeddings.dimension
    self.names = rows.map { names[$0] }
    self.embeddings = Embeddings(
      rows.flatMap { embeddings.values[$0 * dimension..<($0 + 1) * dimension] },
      dimension: dimension)
  }

  private static func areEqual(_ embeddings: Embeddings, _ one: Int, _ other: Int) -> Bool {
    let dimension = embeddings.dimension
    return (0..<dimension).allSatisfy {
      embeddings.values[one * dimension + $0].bitPattern
        == embeddings.values[other * dimension + $0].bitPattern
    }
  }
}
