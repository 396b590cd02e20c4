private import Preconditions

/// The directions that a loss has learnt of people, several of each, in the space of embeddings.
package struct PersonCentres: Sendable {
  /// What they are from.
  package let path: String
  /// How many there are of each person.
  package let count: Int
  /// Those of each person beside one another [people, count, width].
  package let rows: EmbeddingRows
  private let people: [String: Int]

  /// `count` centres of each of `people`, in their order, in `rows` [people, count, width]; those
  /// of nil are of nobody.
  package init(path: String, people: [String?], count: Int, rows: EmbeddingRows) {
    require(
      rows.count == people.count * count,
      "PersonCentres: \(rows.count) rows, \(count) of each of \(people.count) people")
    self.path = path
    self.count = count
    self.rows = rows
    let named = people.enumerated().compactMap { item in item.element.map { ($0, item.offset) } }
    self.people = Dictionary(named, uniquingKeysWith: { first, _ in first })
  }

  /// Which rows are the centres of `person`; nil where there are none.
  package func rows(of person: String) -> Range<Int>? {
    people[person].map { $0 * count..<($0 + 1) * count }
  }
}
