import Benchmarks
import Kernels
import Networks
import Testing

@Suite struct CatalogTests {
  private func benchmark(_ models: [String], filter: String = "") -> KernelBenchmark {
    KernelBenchmark(models: models, filter: filter, budgetSeconds: 0)
  }

  private func convolution(_ line: String) -> [String] {
    ["forward", "weight gradient", "input gradient"].map { "conv \(line) \($0)" }
  }

  @Test func shapesAreThoseOfTheNetwork() {
    let names = benchmark(["iresnet18"]).cases.map(\.name)
    #expect(Set(names).count == names.count)
    let expected = [
      "3x3 112x112 64->64", "3x3/2 112x112 64->64", "1x1/2 112x112 64->64", "3x3 56x56 64->64",
      "3x3 56x56 64->128", "3x3/2 56x56 128->128", "1x1/2 56x56 64->128", "3x3 28x28 128->128",
      "3x3 28x28 128->256", "3x3/2 28x28 256->256", "1x1/2 28x28 128->256", "3x3 14x14 256->256",
      "3x3 14x14 256->512", "3x3/2 14x14 512->512", "1x1/2 14x14 256->512", "3x3 7x7 512->512",
    ].flatMap(convolution)
    // The first layer has no input gradient.
    let stem = ["forward", "weight gradient"].map { "conv 3x3 112x112 3->64 \($0)" }
    #expect(Set(names.filter { $0.hasPrefix("conv ") }) == Set(expected + stem))
    #expect(names.contains("linear 25088->512 input gradient"))
    #expect(names.contains("arcface head 5748x512"))
    #expect(names.contains("batch norm + shortcut 56x56x64 backward"))
  }

  @Test func filtersByName() {
    let names = benchmark(["resnet18"], filter: "POOL").cases.map(\.name)
    #expect(
      names == [
        "max pool 3x3/2 56x56x64 forward", "max pool 3x3/2 56x56x64 backward",
        "average pool 4x4x512 forward", "average pool 4x4x512 backward",
      ])
    #expect(throws: BenchmarkFailure.self) {
      try benchmark(["resnet18"], filter: "absent").run { _ in }
    }
  }

  /// FaceNet's networks have kernels that residual ones lack, and each is in the catalog.
  @Test func whatOnlyInceptionHasIsThere() {
    let nn1 = benchmark(["nn1"]).cases.map(\.name)
    let nn2 = benchmark(["nn2"]).cases.map(\.name)
    for direction in ["forward", "backward"] {
      for part in ["bias, relu", "response norm 5", "maxout of 2"] {
        #expect(nn1.contains { $0.hasPrefix(part) && $0.hasSuffix(direction) }, "\(part)")
      }
      #expect(nn2.contains { $0.hasPrefix("L2 pool 3x3") && $0.hasSuffix(direction) })
    }
    let residual = benchmark(["inception-resnet-v1"], filter: "+ shortcut").cases
    #expect(!residual.isEmpty && residual.allSatisfy { $0.name.hasPrefix("bias + shortcut") })
  }

  /// Every kernel of every model against the references in Double, at small shapes.
  @Test func allKernelsAreRightAtSmallShapes() throws {
    var small = benchmark(Models.names)
    small.makeQuick()
    let report = try small.run { _ in }
    #expect(report.rows.count > 300)
    #expect(report.wrongRows == [])
  }

  @Test func errorsAreMeasuredAndNotZero() throws {
    var small = benchmark(["iresnet10"], filter: "conv 1x1/2")
    small.makeQuick()
    let report = try small.run { _ in }
    let errors = report.rows.compactMap { $0.figures["error"] }
    #expect(errors.count == report.rows.count && errors.allSatisfy { $0 > 0 && $0 < 1e-5 })
  }
}
