private import Preconditions

/// The exact sums of a step beside its gradients, by name.
///
/// Whoever needs a sum over all microbatches or all ranks reserves a slot before the first step;
/// the addends are rounded to one grid, so that their order means nothing (law 2 of
/// docs/design.md), and all slots travel in one collective.
package struct Ledger: Sendable {
  /// Where a sum, or several that belong together, stand on a page.
  package struct Slot: Sendable, Equatable {
    fileprivate let start: Int
    /// How many doubles it has.
    package let count: Int
  }

  /// Doubles of a page.
  package private(set) var count = 0
  private var names: Set<String> = []

  /// A ledger without slots.
  package init() {}

  /// Books `count` sums under `name`, which nobody else may have.
  package mutating func reserve(_ name: String, count: Int = 1) -> Slot {
    require(
      names.insert(name).inserted && count >= 0,
      "Ledger.reserve: \(count) sums of the name \(name), which is taken or empty")
    defer { self.count += count }
    return Slot(start: self.count, count: count)
  }
}

/// Addends of one microbatch or rank, or sums, in the order of a ledger.
package struct LedgerPage {
  /// [ledger.count].
  package let values: UnsafeMutablePointer<Double>

  /// A page in memory of `Ledger.count` doubles, which must outlive it.
  package init(_ values: UnsafeMutablePointer<Double>) { self.values = values }

  /// The first number of a slot.
  package subscript(slot: Ledger.Slot) -> Double {
    get { values[slot.start] }
    nonmutating set { values[slot.start] = newValue }
  }

  /// All numbers of a slot [slot.count].
  package func pointer(to slot: Ledger.Slot) -> UnsafeMutablePointer<Double> {
    values + slot.start
  }
}

/// A hash as numbers that arrive whole when they are added to zeros, or to themselves.
package enum HashSum {
  /// Parts of 22 bits, which a sum over millions of ranks still holds exactly.
  private static let shifts: [UInt64] = [0, 22, 44]

  /// Numbers of a hash.
  package static let count = 3

  /// Writes `hash` to `values` [count].
  package static func write(_ hash: UInt64, to values: UnsafeMutablePointer<Double>) {
    for i in 0..<count { values[i] = Double((hash >> shifts[i]) & 0x3F_FFFF) }
  }

  /// The hash that one rank has written to `values` [count], all others zeros.
  package static func read(_ values: UnsafePointer<Double>) -> UInt64 {
    (0..<count).reduce(0) { $0 | UInt64(values[$1]) << shifts[$1] }
  }

  /// Whether `sums` [count] over `ranks` ranks are what they are where all have written `hash`.
  package static func areAll(_ hash: UInt64, sums: UnsafePointer<Double>, ranks: Int) -> Bool {
    (0..<count).allSatisfy {
      sums[$0] == Double((hash >> shifts[$0]) & 0x3F_FFFF) * Double(ranks)
    }
  }
}
