/// What stored embeddings say of the photos that they are of, by their numbers.
struct CleaningFindings: Sendable {
  /// A photo of somebody else than its person's others.
  struct Stranger: Sendable {
    let photo: Int
    /// To the centre of the person's others; nil where there are none.
    var cosine: Double?
    /// Whose it most likely is, where the person's own photos do not say whose it is not.
    var like: (person: Int, cosine: Double)?
  }

  /// A photo that is far from the main one of the centres that a loss has of its person.
  struct Far: Sendable {
    let photo: Int
    let degrees: Double
  }

  /// How photos lie about the centres that a loss has of their people.
  struct Centres: Sendable {
    /// Photos of people who have some, and of these the ones nearest to their person's main one.
    var photoCount = 0
    var nearestCount = 0
    /// People who have none, and people all of whose photos are far.
    var unknownCount = 0
    var emptiedCount = 0
  }

  /// Somebody who is in an evaluation set too.
  struct Overlap: Sendable {
    let person: Int
    /// Of the evaluation set's rows.
    let row: Int
    let cosine: Double
  }

  /// People who are one.
  struct Merge: Sendable {
    /// Who has the most photos, of equals the first.
    let kept: Int
    let others: [(person: Int, cosine: Double)]
  }

  /// Copies of one photo.
  struct Duplicate: Sendable {
    let kept: Int
    let others: [(photo: Int, cosine: Double)]
    /// Whether they are said to show different people.
    let differs: Bool
  }

  /// Photos whose rows can be compared with nothing.
  var undirected: [Int] = []
  var strangers: [Stranger] = []
  var far: [Far] = []
  /// Nil where no centres were looked at.
  var centres: Centres?
  /// People no part of whose photos is more than half of them, nor all but one near to somebody
  /// else, so that nothing says who is meant.
  var fallenApart: [Int] = []
  /// By evaluation set.
  var overlaps: [[Overlap]] = []
  var merges: [Merge] = []
  var duplicates: [Duplicate] = []
}
