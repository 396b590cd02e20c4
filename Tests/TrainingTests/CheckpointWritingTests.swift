import CAllocations
import Checkpoints
import Collectives
import Configuration
import Engine
import Foundation
import Interchange
import Networks
import RunSupport
import Sessions
import TestSupport
import State
import Testing
import Threads
import Training

/// Checkpoints that a thread writes while training goes on: of the step that they are of, one after
/// another, whole or not at all, and never said to be there before they are.
@Suite struct CheckpointWritingTests {
  // MARK: The store

  private static let count = 1000

  private static func state(of step: Int) -> ModelState {
    let state = ModelState(
      descriptions: [
        ParameterDescription(
          name: "all", shape: [count], range: 0..<count, initializer: .constant(0), isWeight: true)
      ], statistics: [], vectors: [StateVector(name: "momentum")])
    set(state, to: step)
    return state
  }

  private static func set(_ state: ModelState, to step: Int) {
    state.parameters.update(repeating: Float(step), count: count)
    state.vector(0).update(repeating: -Float(step), count: count)
  }

  private static func snapshot(of state: ModelState, in copy: StateCopy, step: Int) -> Snapshot {
    Snapshot(of: state, people: [], triplets: nil, metadata: [:], step: step, copy: copy)
  }

  private static func newFolder() throws -> String {
    let folder = SmallRun.temporaryFolder()
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    return folder
  }

  private static func names(in folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
  }

  /// Of two checkpoints through one copy the second waits for the first, which a test holds.
  @Test func theNextWriteWaitsForTheOneBefore() throws {
    let folder = try Self.newFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let (held, mayEnd) = (TestEvent(), TestEvent())
    let (nextBegins, nextIsIn) = (TestEvent(), TestEvent())
    let store = CheckpointStore(folder: folder, keep: 1) {
      held.set()
      mayEnd.wait()
    }
    let state = Self.state(of: 1)
    let copy = StateCopy(of: state)
    let pool = WorkerPool(count: 2)
    defer { pool.end() }
    copy.take(state, by: pool)
    try store.writeInBackground(protected: [], isBest: false) {
      Self.snapshot(of: state, in: copy, step: 1)
    }
    held.wait()
    #expect(!store.isIdle && !store.holds(step: 1))
    #expect(!(try Self.names(in: folder)).contains(CheckpointStore.name(step: 1)))
    Self.set(state, to: 2)
    let hasWaited = TestEvent()
    nonisolated(unsafe) let same = state
    Thread {
      nextBegins.set()
      store.waitUntilIdle()
      if mayEnd.isSet { hasWaited.set() }
      copy.take(same, by: pool)
      try? store.writeInBackground(protected: [], isBest: true) {
        Self.snapshot(of: same, in: copy, step: 2)
      }
      nextIsIn.set()
    }.start()
    nextBegins.wait()
    mayEnd.set()
    nextIsIn.wait()
    #expect(hasWaited.isSet)
    try store.finish()
    #expect(store.holds(step: 2))
    // `keep` is 1: the older one went when the newer one was whole.
    #expect(
      try Self.names(in: folder) == ["best.safetensors", CheckpointStore.name(step: 2)])
    try Self.expect(folder + "/best.safetensors", isOf: 2)
  }

  private static func expect(_ path: String, isOf step: Int) throws {
    let file = try SafetensorsFile(path: path)
    try file.verify(requiresChecksums: true)
    #expect(try file.floats("all") == [Float](repeating: Float(step), count: count))
    #expect(
      try file.floats("optimizer.momentum/all") == [Float](repeating: -Float(step), count: count))
  }

  /// What steps do to the state after it was copied is not in the file.
  @Test func laterStepsDoNotShow() throws {
    let folder = try Self.newFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let store = CheckpointStore(folder: folder, keep: 1)
    let state = Self.state(of: 1)
    let copy = StateCopy(of: state)
    let pool = WorkerPool(count: 1)
    defer { pool.end() }
    copy.take(state, by: pool)
    Self.set(state, to: 2)
    try store.writeInBackground(protected: [], isBest: false) {
      Self.snapshot(of: state, in: copy, step: 1)
    }
    try store.finish()
    try Self.expect(folder + "/" + CheckpointStore.name(step: 1), isOf: 1)
  }

  private struct Refused: Error {}

  /// What goes wrong beside training reaches it, and what was there stays.
  @Test func anErrorOfTheWriterReachesTraining() throws {
    let folder = try Self.newFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let refuses = TestEvent()
    let store = CheckpointStore(folder: folder, keep: 1) {
      if refuses.isSet { throw Refused() }
    }
    let state = Self.state(of: 1)
    let copy = StateCopy(of: state)
    func write(_ step: Int) throws {
      try store.writeInBackground(protected: [], isBest: false) {
        Self.snapshot(of: state, in: copy, step: step)
      }
    }
    try write(1)
    try store.finish()
    refuses.set()
    try write(2)
    store.waitUntilIdle()
    #expect(throws: Refused.self) { try store.throwFailure() }
    try write(3)
    #expect(throws: Refused.self) { try write(4) }
    #expect(store.holds(step: 1))
    #expect(try Self.names(in: folder) == [CheckpointStore.name(step: 1)])
  }

  /// Whoever fails waits a while for what is being written, and not for ever.
  @Test func aFailureWaitsForAPendingWriteForAWhile() throws {
    let folder = try Self.newFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let mayEnd = TestEvent()
    let store = CheckpointStore(folder: folder, keep: 1) { mayEnd.wait() }
    let state = Self.state(of: 1)
    let copy = StateCopy(of: state)
    try store.writeInBackground(protected: [], isBest: false) {
      Self.snapshot(of: state, in: copy, step: 1)
    }
    store.waitUntilIdle(atMost: 0.05)
    #expect(!store.isIdle)
    mayEnd.set()
    store.waitUntilIdle(atMost: 600)
    #expect(store.isIdle && store.holds(step: 1))
  }

  // MARK: Runs

  private final class Asking: StopRequests, @unchecked Sendable {
    let wantsEnd = false
    var wantsCheckpoint = false
    func forgetCheckpoint() { wantsCheckpoint = false }
  }

  /// A run that is asked for a checkpoint after step 3; its log.
  private static func askedRun(in folder: String) throws -> String {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let asking = Asking()
    var failure: (any Error)?
    do {
      _ = try SmallRun.train(
        SmallRun.configuration { $0.resume = .auto }, folder: folder, speaks: true,
        hook: { hooks, _ in
          hooks.stop = asking
          hooks.onStep = { if $1.step == 3 { asking.wantsCheckpoint = true } }
        })
    } catch { failure = error }
    let log = try String(contentsOfFile: folder + "/log.txt", encoding: .utf8)
    if let failure { throw failure }
    return log
  }

  @Test func aCheckpointOnRequestIsSaidOnce() throws {
    let log = try Self.askedRun(in: SmallRun.temporaryFolder())
    #expect(log.components(separatedBy: "checkpoint on request after step 3").count == 2, "\(log)")
  }

  /// A folder has the name that the file wants: nothing says that it was kept.
  @Test func aCheckpointThatFailsIsNotSaid() throws {
    let folder = SmallRun.temporaryFolder()
    let place = folder + "/checkpoints/" + CheckpointStore.name(step: 3)
    let asking = Asking()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let failure = #expect(throws: InterchangeError.self) {
      try SmallRun.train(
        SmallRun.configuration(), folder: folder, speaks: true,
        hook: { hooks, _ in
          hooks.stop = asking
          hooks.onStep = {
            guard $1.step == 3 else { return }
            try? FileManager.default.createDirectory(
              atPath: place, withIntermediateDirectories: true)
            asking.wantsCheckpoint = true
          }
        })
    }
    #expect("\(failure.map { "\($0)" } ?? "none")".contains("it is a folder"))
    let log = try String(contentsOfFile: folder + "/log.txt", encoding: .utf8)
    #expect(!log.contains("checkpoint on request"), "\(log)")
  }

  /// Memory that checkpoints are copied to is there from the start: none of the state's size is
  /// allocated for one, and the plan of the first rank, which alone has it, tells of it.
  @Test func checkpointsTakeNoMemoryOfTheirOwn() async {
    await #expect(processExitsWith: .success) {
      let watch = Watch()
      let configuration = SmallRun.configuration {
        $0.length = .steps(30)
        $0.checkpointEvery = .steps(1)
        $0.width = 0.5
        $0.embedding = 256
      }
      _ = try SmallRun.train(
        configuration, threads: 2,
        hook: { hooks, _ in hooks.onStep = { watch.look($0, after: $1.step) } })
      #expect(watch.stateBytes > 1_000_000)
      #expect(
        watch.largestBytes < watch.stateBytes / 2,
        "\(watch.largestBytes) bytes at once, the state has \(watch.stateBytes)")
    }
  }

  private final class Watch: @unchecked Sendable {
    var largestBytes = Int.max
    var stateBytes = 0

    func look(_ trainer: Trainer, after step: Int) {
      if step == 5 {
        stateBytes = 4 * trainer.engine.state.parameterCount
        callocations_start(32_768)
      } else if step == 25 {
        _ = callocations_stop(&largestBytes)
      }
    }
  }

  @Test(arguments: [false, true])
  func thePlanTellsOfTheCopy(isSharded: Bool) throws {
    let found = Found()
    _ = try SmallRun.train(
      SmallRun.configuration {
        $0.length = .steps(1)
        $0.optimizer = .adamw
        $0.shardsOptimizer = isSharded
      }, ranks: 2,
      hook: { hooks, rank in
        hooks.onStart = {
          found.add(
            rank: rank, planned: $0.plan.checkpointBytes, taken: $0.checkpointBytes,
            state: 4 * 3 * $0.engine.state.parameterCount)
        }
      })
    #expect(found.planned == [found.state, 0] && found.taken == found.planned)
  }

  private final class Found: @unchecked Sendable {
    private let lock = NSLock()
    private(set) var planned = [-1, -1]
    private(set) var taken = [-1, -1]
    private(set) var state = -1

    func add(rank: Int, planned one: Int, taken other: Int, state bytes: Int) {
      lock.withLock {
        planned[rank] = one
        taken[rank] = other
        state = bytes
      }
    }
  }
}
