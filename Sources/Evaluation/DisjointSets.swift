/// Items in sets that are joined, each called by its lowest item.
package struct DisjointSets: Sendable {
  private var parents: [Int32]

  /// `count` items, each by itself.
  package init(count: Int) { parents = (0..<Int32(count)).map { $0 } }

  /// The lowest item of the set that `item` is in.
  package mutating func lowest(of item: Int32) -> Int32 {
    var item = item
    while parents[Int(item)] != item {
      // Halving the way, for who comes next.
      parents[Int(item)] = parents[Int(parents[Int(item)])]
      item = parents[Int(item)]
    }
    return item
  }

  /// Makes the sets of `first` and `second` one.
  package mutating func join(_ first: Int32, _ second: Int32) {
    let (a, b) = (lowest(of: first), lowest(of: second))
    parents[Int(max(a, b))] = min(a, b)
  }

  /// The sets of two items and more, ascending by their lowest item; items ascending.
  package mutating func groups() -> [[Int]] {
    var places: [Int32: Int] = [:]
    var groups: [[Int]] = []
    for item in parents.indices {
      let lowest = lowest(of: Int32(item))
      guard lowest != Int32(item) else { continue }
      if let place = places[lowest] {
        groups[place].append(item)
      } else {
        places[lowest] = groups.count
        groups.append([Int(lowest), item])
      }
    }
    return groups.sorted { $0[0] < $1[0] }
  }

  /// The lowest item of the set of each item.
  package mutating func labels() -> [Int32] {
    parents.indices.map { lowest(of: Int32($0)) }
  }
}
