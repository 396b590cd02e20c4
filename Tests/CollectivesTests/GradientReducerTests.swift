import Collectives
import Kernels
import Testing

@Suite struct GradientReducerTests {
  private static func makeReducer() -> GradientReducer {
    GradientReducer(
      layerRanges: [0..<3, 3..<5], extraCount: 1, gradientGrid: SummationGrid(exponent: -36),
      extraGrid: SummationGrid(exponent: -30), bucketBytes: 16)
  }

  /// One step of one microbatch, whose gradients are its indices.
  private static func step(_ reducer: GradientReducer) throws -> Bool {
    reducer.begin(localMicrobatches: 1, of: 1)
    reducer.add([3, 4], of: 3..<5)
    reducer.add([0, 1, 2], of: 0..<3)
    reducer.finishMicrobatch(extras: [7])
    return try reducer.reduce(over: SoloCommunicator(), scale: 2, onWait: {})
  }

  private static func words(of result: ExitTest.Result?) -> String {
    String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
  }

  @Test func theMemorySaysWhatItHolds() throws {
    let reducer = Self.makeReducer()
    #expect(reducer.contents == .anything)
    for _ in 0..<2 {
      reducer.begin(localMicrobatches: 1, of: 1)
      #expect(reducer.contents == .sums)
      reducer.abandon()
      #expect(reducer.contents == .anything)
      #expect(try Self.step(reducer))
      #expect(reducer.contents == .results)
      var scratch: [Float] = [0, 0, 0]
      #expect(reducer.gradient(of: 0..<3, scratch: &scratch)[2] == 4)
      #expect(reducer.gradient(of: 3..<5, scratch: &scratch)[1] == 8)
      reducer.borrow()[0] = .nan
      #expect(reducer.contents == .anything && reducer.extras[0] == 7)
    }
  }

  @Test func gradientsOfBorrowedMemoryTrap() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let reducer = GradientReducerTests.makeReducer()
      _ = try GradientReducerTests.step(reducer)
      _ = reducer.borrow()
      var scratch: [Float] = [0, 0, 0]
      _ = reducer.gradient(of: 0..<3, scratch: &scratch)
    }
    #expect(Self.words(of: result).contains("the memory holds anything, no results"))
  }

  @Test func borrowingAmidAStepTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let reducer = GradientReducerTests.makeReducer()
      reducer.begin(localMicrobatches: 1, of: 1)
      _ = reducer.borrow()
    }
    #expect(Self.words(of: result).contains("a step is under way"))
  }
}
