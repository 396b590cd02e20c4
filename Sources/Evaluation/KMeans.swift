internal import Determinism
internal import Preconditions

/// Clustering around k centres: Lloyd's iteration from centres drawn by k-means++ (Arthur and
/// Vassilvitskii 2007), on normalised embeddings.
package struct KMeans: Sendable {
  /// The cluster of each row [count]. Clusters are numbered by their lowest rows; each non-finite
  /// row is one of its own.
  package let labels: [Int]
  /// The mean squared distance of the finite rows to their centres.
  package let meanSquaredDistance: Double
  /// Assignments of rows to centres until they stayed, or `iterationLimit`.
  package let iterationCount: Int

  /// Assignments at most.
  package static let iterationLimit = 100

  /// Clusters the rows of `embeddings` [count, dimension] into `clusterCount`, or as many as there
  /// are finite rows; a function of them and of `seed`. Ties go to the lower row or centre.
  package init(_ embeddings: Embeddings, clusterCount: Int, seed: UInt64) {
    require(clusterCount > 0, "KMeans: \(clusterCount) clusters")
    let rows = embeddings.norms.indices.filter { embeddings.norms[$0].isFinite }
    let count = min(clusterCount, rows.count)
    var lloyd = Lloyd(embeddings.normalized(), of: rows, dimension: embeddings.dimension)
    lloyd.draw(count, seed: seed)
    var iterations = 0
    while iterations < Self.iterationLimit {
      iterations += 1
      guard lloyd.assign() else { break }
      lloyd.moveCentres()
    }
    iterationCount = iterations
    meanSquaredDistance = lloyd.meanSquaredDistance
    var centres = embeddings.norms.indices.map { count + $0 }
    for (place, row) in rows.enumerated() { centres[row] = lloyd.assignments[place] }
    var numbers: [Int: Int] = [:]
    labels = centres.map { centre in
      if let number = numbers[centre] { return number }
      numbers[centre] = numbers.count
      return numbers.count - 1
    }
  }
}

/// Rows, centres, and which belongs to which.
private struct Lloyd {
  private let dimension: Int
  private let count: Int
  private let values: [Float]
  private var centres: [Float] = []
  private(set) var assignments: [Int]
  /// The squared distance of each row to its centre.
  private var distances: [Float]

  init(_ all: [Float], of rows: [Int], dimension: Int) {
    self.dimension = dimension
    count = rows.count
    values = rows.flatMap { all[$0 * dimension..<($0 + 1) * dimension] }
    assignments = [Int](repeating: -1, count: rows.count)
    distances = [Float](repeating: .infinity, count: rows.count)
  }

  var meanSquaredDistance: Double {
    count == 0 ? 0 : distances.reduce(0) { $0 + Double($1) } / Double(count)
  }

  /// The first centre is any row; each next one a row with a chance in proportion to its squared
  /// distance to the nearest centre.
  mutating func draw(_ centreCount: Int, seed: UInt64) {
    let random = CounterRandom(seed: seed, purpose: .split, 3)
    var nearest = [Float](repeating: .infinity, count: count)
    for index in 0..<centreCount {
      let sum = nearest.reduce(0) { $0 + Double($1) }
      var chosen = random.integer(index, below: count)
      if index > 0, sum > 0 {
        var left = random.uniform(index) * sum
        chosen = nearest.lastIndex { $0 > 0 } ?? chosen
        for (row, distance) in nearest.enumerated() where distance > 0 {
          left -= Double(distance)
          if left < 0 {
            chosen = row
            break
          }
        }
      }
      let centre = Array(values[chosen * dimension..<(chosen + 1) * dimension])
      centres += centre
      let squares = Self.squares(of: values, dimension: dimension)
      Similarity.forEachRow(centre, against: values, dimension: dimension) { _, products in
        for row in products.indices {
          let distance = squares[row] + squares[chosen] - 2 * products[row]
          nearest[row] = min(nearest[row], max(0, row == chosen ? 0 : distance))
        }
      }
    }
  }

  /// Gives every row to its nearest centre; false where nothing has changed.
  mutating func assign() -> Bool {
    let centreSquares = Self.squares(of: centres, dimension: dimension)
    let squares = Self.squares(of: values, dimension: dimension)
    var hasChanged = false
    var (assignments, distances) = (assignments, distances)
    Similarity.forEachRow(values, against: centres, dimension: dimension) { row, products in
      var best = 0
      var least = Float.infinity
      for centre in products.indices {
        let distance = centreSquares[centre] - 2 * products[centre]
        if distance < least { (best, least) = (centre, distance) }
      }
      if assignments[row] != best { hasChanged = true }
      assignments[row] = best
      distances[row] = max(0, squares[row] + least)
    }
    (self.assignments, self.distances) = (assignments, distances)
    return hasChanged
  }

  /// Moves every centre to the mean of its rows; one without rows to the row farthest from its own.
  mutating func moveCentres() {
    let centreCount = centres.count / dimension
    var sums = [Double](repeating: 0, count: centres.count)
    var members = [Int](repeating: 0, count: centreCount)
    for row in 0..<count {
      let target = assignments[row] * dimension
      members[assignments[row]] += 1
      for i in 0..<dimension { sums[target + i] += Double(values[row * dimension + i]) }
    }
    for centre in 0..<centreCount {
      if members[centre] > 0 {
        for i in centre * dimension..<(centre + 1) * dimension {
          centres[i] = Float(sums[i] / Double(members[centre]))
        }
      } else if let far = distances.indices.max(by: { distances[$0] < distances[$1] }) {
        for i in 0..<dimension { centres[centre * dimension + i] = values[far * dimension + i] }
        distances[far] = 0
      }
    }
  }

  private static func squares(of values: [Float], dimension: Int) -> [Float] {
    (0..<values.count / dimension).map { row in
      var sum = 0.0
      for i in row * dimension..<(row + 1) * dimension {
        sum += Double(values[i]) * Double(values[i])
      }
      return Float(sum)
    }
  }
}
