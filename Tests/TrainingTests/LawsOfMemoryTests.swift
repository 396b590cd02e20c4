import CAllocations
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
        $0.length = .steps(28)
        $0.width = 0.5
        $0.embedding = 256
      }
      let watch = Watch()
      _ = try SmallRun.train(
        configuration, threads: 2,
        hook: { hooks, _ in hooks.onStep = { watch.look(after: $1.step) } })
      // libjpeg takes 18 kB for each photo and gives them back. The activations of a microbatch,
      // the gradients of a layer and the weights are 100 kB and more.
      #expect(watch.large == 0, "the largest of \(watch.large): \(watch.largestBytes) bytes")
      // Both at the same place of an epoch. The test itself keeps a record of each step.
      let growth = watch.bytesAfterStep26 - watch.bytesAfterStep10
      #expect(growth < 16 * 2048, "\(growth) bytes more after 16 steps")
    }
  }

  private final class Watch: @unchecked Sendable {
    var bytesAfterStep10 = 0
    var bytesAfterStep26 = 0
    var large = -1
    var largestBytes = 0

    func look(after step: Int) {
      if step == 10 {
        bytesAfterStep10 = callocations_bytes_in_use()
        callocations_start(32_768)
      } else if step == 26 {
        large = callocations_stop(&largestBytes)
        bytesAfterStep26 = callocations_bytes_in_use()
      }
    }
  }
}
