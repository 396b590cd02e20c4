import CAllocations
import Configuration
import Datasets
import Losses
import Networks
import RunSupport
import Testing
import Training

/// Law 6 of docs/design.md over whole steps: no memory of a tensor's size is allocated, and nothing
/// stays. That layers and kernels allocate nothing from the first byte on is `AllocationTests`' and
/// `LawOfKernelMemory`'s.
///
/// Measured in a process of its own, over everything that it does in a step: decoding, passes,
/// sums, update, hashes, one line of metrics. Lines of text, closures and lists of a few numbers
/// are allocated and freed again; memory of a tensor's size is not, and nothing stays.
@Suite struct LawsOfMemory {
  @Test func theCounterCounts() async {
    await #expect(processExitsWith: .success) {
      let before = callocations_bytes_in_use()
      callocations_start(10_000)
      let values = [Float](repeating: 1, count: 500_000)
      var largest = 0
      let count = callocations_stop(&largest)
      let held = callocations_bytes_in_use() - before
      #expect(values.reduce(0, +) == 500_000)
      #expect(count >= 1 && largest >= 2_000_000 && held >= 2_000_000)
    }
  }

  @Test(arguments: SmallRun.models + ["nn1", "nn4"])
  func aStepAllocatesNothing(model: String) async {
    await #expect(processExitsWith: .success) { [model] in
      let configuration = SmallRun.configuration(model: model) {
        $0.length = .steps(20)
        $0.width = 0.5
        $0.embedding = 256
      }
      try Self.expectNoAllocations(configuration)
    }
  }

  @Test func aStepThatAveragesAndTrainsAPartAllocatesNothing() async {
    await #expect(processExitsWith: .success) {
      let configuration = SmallRun.configuration {
        $0.length = .steps(20)
        $0.width = 0.5
        $0.embedding = 256
        $0.ema = 0.99
        $0.freeze = ["conv1", "bn1", "prelu", "layer1"].map(PartPattern.init)
        $0.sampling = .squareRoot
      }
      try Self.expectNoAllocations(configuration)
    }
  }

  private static func expectNoAllocations(_ configuration: RunConfiguration) throws {
    let watch = Watch()
    _ = try SmallRun.train(
      configuration, threads: 2,
      hook: { hooks, _ in hooks.onStep = { watch.look(after: $1.step) } })
    // libjpeg takes 18 kB for each photo and gives them back. The activations of a microbatch, the
    // gradients of a layer, the weights and the triplets of a batch are 100 kB and more.
    #expect(watch.large == 0, "the largest of \(watch.large): \(watch.largestBytes) bytes")
    // Both at the same place of an epoch. The test itself keeps a record of each step.
    let growth = watch.bytesAfterStep18 - watch.bytesAfterStep6
    #expect(growth < 12 * 2048, "\(growth) bytes more after 12 steps")
  }

  /// Losses that see the whole batch, whose lists are longer than what is looked for.
  private static let ofTheBatch: [String: @Sendable (inout RunConfiguration) -> Void] = [
    "triplets": { takeTriplets(&$0, .semiHard) },
    "all triplets": { takeTriplets(&$0, .all) },
    "triplets in one pass": {
      takeTriplets(&$0, .all)
      $0.passes = 1
    },
    "a divided head of curricularface": {
      divide(&$0)
      $0.loss = .curricularface
    },
    "a divided head": { divide(&$0) },
    "sampled classes": {
      divide(&$0)
      $0.sampleClasses = 0.25
    },
    "a divided head in one pass, with a bias": {
      divide(&$0)
      $0.loss = .softmax
      $0.margin = []
      $0.scale = 1
      $0.passes = 1
    },
  ]

  private static func takeTriplets(_ configuration: inout RunConfiguration, _ mode: MiningMode) {
    configuration.loss = .triplet
    configuration.margin = [mode == .all ? 2 : 0.2]
    configuration.scale = 1
    configuration.mining = .always(mode)
    configuration.batch = 96
    configuration.microbatch = 12
    configuration.photosPerPerson = 6
    configuration.data = .synthetic(SyntheticData(people: 24, photos: 6, size: 32))
  }

  private static func divide(_ configuration: inout RunConfiguration) {
    configuration.head = .divided
    configuration.data = .synthetic(SyntheticData(people: 90, photos: 2, size: 32))
  }

  @Test(arguments: ofTheBatch.keys.sorted())
  func aStepOverTheWholeBatchAllocatesNothing(kind: String) async {
    await #expect(processExitsWith: .success) { [kind] in
      let configuration = SmallRun.configuration {
        $0.length = .steps(20)
        $0.width = 0.25
        $0.embedding = 256
        Self.ofTheBatch[kind]?(&$0)
      }
      try Self.expectNoAllocations(configuration)
    }
  }

  private final class Watch: @unchecked Sendable {
    var bytesAfterStep6 = 0
    var bytesAfterStep18 = 0
    var large = -1
    var largestBytes = 0

    func look(after step: Int) {
      if step == 6 {
        bytesAfterStep6 = callocations_bytes_in_use()
        callocations_start(32_768)
      } else if step == 18 {
        large = callocations_stop(&largestBytes)
        bytesAfterStep18 = callocations_bytes_in_use()
      }
    }
  }
}
