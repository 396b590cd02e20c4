private import Synchronization

/// How far a work is that lasts: told by whoever does it, on any thread, and read by whoever waits.
package final class WorkMeter: Sendable {
  private let done = Atomic<Int>(0)
  private let total = Atomic<Int>(0)
  private let ownUnit = Mutex<String?>(nil)

  /// A work of which nothing is done.
  package init() {}

  /// Says that `count` more are done.
  package func add(_ count: Int = 1) { done.wrappingAdd(count, ordering: .relaxed) }

  /// Says that what follows begins at nothing, of `count` in all; what it counts, where that is
  /// something else than what the work itself does.
  package func restart(of count: Int, unit: String? = nil) {
    ownUnit.withLock { $0 = unit }
    done.store(0, ordering: .relaxed)
    expect(count)
  }

  /// Says that there are `count` in all.
  package func expect(_ count: Int) { total.store(count, ordering: .relaxed) }

  /// How many are done.
  package var doneCount: Int { done.load(ordering: .relaxed) }

  /// What is counted; nil for what the work itself says.
  package var unit: String? { ownUnit.withLock { $0 } }

  /// How many there are in all; 0 where nobody knows.
  package var totalCount: Int { total.load(ordering: .relaxed) }
}
