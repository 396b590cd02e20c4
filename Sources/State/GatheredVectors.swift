/// The vectors of a run's state, whole, for one checkpoint.
package final class GatheredVectors {
  /// One for each vector [parameterCount]; the owner frees them.
  package private(set) var vectors: [UnsafeMutablePointer<Float>]

  /// Vectors of 0, `count` numbers each.
  package init(vectorCount: Int, count: Int) {
    vectors = (0..<vectorCount).map { _ in
      let vector = UnsafeMutablePointer<Float>.allocate(capacity: count)
      vector.initialize(repeating: 0, count: count)
      return vector
    }
  }

  /// Hands the memory over.
  package func take() -> [UnsafeMutablePointer<Float>] {
    defer { vectors = [] }
    return vectors
  }

  deinit { for vector in vectors { vector.deallocate() } }
}
