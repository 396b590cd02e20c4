import Configuration
import Datasets
import Engine
import Foundation
import Networks
import RunSupport
import Sessions
import TestSupport
import Testing
import Training

/// What a run is said to need before it takes it.
@Suite struct MemoryPlanTests {
  private static let kinds: [String: @Sendable (inout RunConfiguration) -> Void] = [
    "arcface": { _ in }, "adamw": { $0.optimizer = .adamw },
    "sharded": { $0.shardsOptimizer = true }, "bf16": { $0.reduction = .bf16 },
    "averages": { $0.ema = 0.9 },
    "sharded averages": {
      $0.ema = 0.9
      $0.shardsOptimizer = true
    },
    "averages of a divided head": {
      $0.ema = 0.9
      $0.head = .divided
    },
    "fp32": { $0.reduction = .fp32 },
    "adaface": {
      $0.loss = .adaface
      $0.margin = [0.4]
    },
    "a divided head of curricularface": {
      $0.head = .divided
      $0.loss = .curricularface
    },
    "triplets": {
      $0.loss = .triplet
      $0.margin = [0.2]
    },
    "triplets in one pass": {
      $0.loss = .triplet
      $0.margin = [0.2]
      $0.passes = 1
    },
    "a divided head": { $0.head = .divided },
    "a teacher alone": {
      $0.loss = .teacher
      $0.margin = []
      $0.scale = 1
    },
    "sampled classes": {
      $0.head = .divided
      $0.sampleClasses = 0.25
    },
    "a divided head with a bias, all sharded": {
      $0.head = .divided
      $0.loss = .softmax
      $0.margin = []
      $0.scale = 1
      $0.optimizer = .adamw
      $0.shardsOptimizer = true
      $0.passes = 1
    },
    "a head larger than a layer": {
      $0.model = Models.model(named: "aix-resnet18")!
      $0.embedding = 512
      $0.data = .synthetic(SyntheticData(people: 36, photos: 2, size: 32))
    },
  ]

  private final class Found: @unchecked Sendable {
    private let lock = NSLock()
    private var planned: [Int: EngineMemory] = [:]
    private var taken: [Int: EngineMemory] = [:]

    func add(rank: Int, planned one: EngineMemory, taken other: (rank: Int, worker: Int)) {
      lock.withLock {
        planned[rank] = one
        taken[rank] = EngineMemory(rankBytes: other.rank, workerBytes: other.worker)
      }
    }

    var areEqual: Bool { lock.withLock { planned == taken && !planned.isEmpty } }
    var text: String { lock.withLock { "planned \(planned), taken \(taken)" } }
  }

  @Test(arguments: kinds.keys.sorted())
  func thePlanIsWhatIsThenTaken(kind: String) throws {
    for (ranks, threads) in [(1, 1), (1, 2), (2, 1), (3, 2)] {
      let configuration = SmallRun.configuration {
        $0.length = .steps(1)
        Self.kinds[kind]?(&$0)
      }
      let found = Found()
      // All is there before the first step.
      #expect(throws: (any Error).self) {
        try SmallRun.train(
          configuration, ranks: ranks, threads: threads,
          hook: { hooks, rank in
            hooks.onStart = {
              found.add(rank: rank, planned: $0.plan.memory, taken: $0.memoryBytes)
              throw SuddenEnd()
            }
          })
      }
      #expect(found.areEqual, "\(kind), \(ranks) x \(threads): \(found.text)")
    }
  }

  /// Bytes that this process has had in memory at most.
  private func peakBytes() throws -> Int {
    let text = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
    return try #require(Int(line.filter(\.isNumber))) << 10
  }

  @Test func aDryRunTakesNoneOfIt() throws {
    let configuration = SmallRun.configuration {
      $0.model = Models.model(named: "iresnet50")!
      $0.width = 4
      $0.imageSize = 112
      $0.batch = 20
      $0.microbatch = 20
      $0.dryRun = true
      $0.data = .synthetic(SyntheticData(people: 100_000, photos: 10, size: 1024))
    }
    let before = try peakBytes()
    #expect(try SmallRun.train(configuration, threads: 4)[0].ending == .finished)
    // The plan is of tens of gigabytes, and a million photos of a megapixel are not drawn.
    #expect(try peakBytes() - before < 1 << 30)
  }

  @Test func aRunThatNoHostCouldHoldEndsInASentence() {
    let configuration = SmallRun.configuration {
      $0.model = Models.model(named: "iresnet100")!
      $0.width = 16
      $0.imageSize = 1024
      $0.microbatch = 60
      $0.batch = 60
    }
    #expect {
      try SmallRun.train(configuration, threads: 64)
    } throws: {
      guard let failure = $0 as? MemoryCheck.Failure else { return false }
      return failure.neededBytes > failure.totalBytes
        && "\(failure)".contains("MiB in all; take fewer --threads")
    }
  }
}
