/// Where the elements of an array of `shape` lie whose index k runs by `strides[k]`, counted from
/// the first one: in C order, the last index running fastest.
enum StridedPlaces {
  /// Calls `body` with each element's place.
  static func forEach(shape: [Int], strides: [Int], _ body: (Int) -> Void) {
    // Beside a side of 0 the others may be any numbers.
    let count = shape.contains(0) ? 0 : shape.reduce(1, *)
    var index = [Int](repeating: 0, count: shape.count)
    var place = 0
    for _ in 0..<count {
      body(place)
      var axis = shape.count - 1
      while axis >= 0 {
        index[axis] += 1
        place += strides[axis]
        if index[axis] < shape[axis] { break }
        place -= strides[axis] * shape[axis]
        index[axis] = 0
        axis -= 1
      }
    }
  }
}
