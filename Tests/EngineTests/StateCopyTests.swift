import Engine
import Glibc
import Networks
import State
import Testing
import Threads

/// What a checkpoint is written from while training goes on.
@Suite struct StateCopyTests {
  /// More than one piece of work, and no multiple of one.
  private static let count = 2_300_017

  private func state() -> ModelState {
    let state = ModelState(
      descriptions: [
        ParameterDescription(
          name: "all", shape: [Self.count], range: 0..<Self.count, initializer: .constant(0),
          isWeight: true)
      ], statistics: [], vectors: [StateVector(name: "first"), StateVector(name: "second")])
    fill(state, from: 1)
    return state
  }

  private func fill(_ state: ModelState, from first: Float) {
    for i in 0..<Self.count {
      state.parameters[i] = first + Float(i)
      for vector in 0..<2 { state.vector(vector)[i] = -Float(i) - first - Float(vector) }
    }
  }

  private func isEqual(_ copy: StateCopy, _ state: ModelState) -> Bool {
    memcmp(copy.parameters, state.parameters, 4 * Self.count) == 0
      && (0..<2).allSatisfy {
        memcmp(copy.vector($0), state.vector($0), 4 * Self.count) == 0
      }
  }

  @Test(arguments: [1, 2, 5])
  func workersCopyAllOfIt(threads: Int) {
    let pool = WorkerPool(count: threads)
    defer { pool.end() }
    let state = state()
    let copy = StateCopy(of: state)
    #expect(copy.bytes == 4 * 3 * Self.count)
    copy.take(state, by: pool)
    #expect(isEqual(copy, state))
    // What a step does to the state is not seen by whoever reads the copy.
    fill(state, from: 7)
    #expect(copy.parameters[Self.count - 1] == 1 + Float(Self.count - 1))
    let place = copy.parameters
    copy.take(state, by: pool)
    #expect(copy.parameters == place && isEqual(copy, state))
  }

  /// What comes from other ranks meanwhile is not overwritten by what this rank has of it.
  @Test func rangesAreCopiedAndNothingBesideThem() {
    let pool = WorkerPool(count: 2)
    defer { pool.end() }
    let state = state()
    let copy = StateCopy(of: state)
    for vector in 0..<2 { copy.vector(vector).update(repeating: 3, count: Self.count) }
    let own = [1_500_000..<Self.count, 5..<1_100_000]
    copy.begin(state, vectorRanges: [own, []], by: pool)
    pool.wait()
    #expect(memcmp(copy.parameters, state.parameters, 4 * Self.count) == 0)
    #expect(
      (0..<Self.count).allSatisfy { place in
        let isOwn = own.contains { $0.contains(place) }
        return copy.vector(0)[place] == (isOwn ? state.vector(0)[place] : 3)
          && copy.vector(1)[place] == 3
      })
  }
}
