import Kernels
import Testing
import TestSupport

@Suite struct PoolingKernelTests {
  static let cases: [[Int]] = [
    // batch, height, width, channels, window, stride, padding
    [1, 1, 1, 1, 1, 1, 0], [2, 5, 7, 3, 3, 2, 1], [1, 8, 8, 8, 2, 2, 0], [3, 7, 6, 20, 3, 1, 1],
    [2, 7, 7, 64, 7, 1, 0], [1, 9, 11, 100, 5, 3, 2], [2, 4, 4, 5, 3, 2, 0],
  ]

  func shapes(_ v: [Int]) -> (PoolingShape, PoolingReference) {
    (
      PoolingShape(
        batch: v[0], height: v[1], width: v[2], channels: v[3], window: v[4], stride: v[5],
        padding: v[6]),
      PoolingReference(
        batch: v[0], height: v[1], width: v[2], channels: v[3], window: v[4], stride: v[5],
        padding: v[6])
    )
  }

  @Test(arguments: cases)
  func maximum(numbers: [Int]) {
    let (shape, reference) = shapes(numbers)
    #expect(shape.outputCount == reference.outputCount && shape.inputCount == reference.inputCount)
    // Few distinct values, all negative: ties are common, and padding must not win.
    let input = FencedFloats(
      TestNumbers.normal(shape.inputCount, seed: 1).map { -1 - ($0 * 2).rounded().magnitude })
    let winners = reference.winners(doubles(input.values))
    let output = FencedFloats(unwritten: shape.outputCount)
    var taps = Array(repeating: UInt8.max, count: shape.outputCount)
    PoolingKernel.max(input.constant, shape: shape, into: output.pointer, winners: &taps)
    let values = input.values
    #expect(output.values == winners.map { values[$0] })

    let dy = FencedFloats(TestNumbers.normal(shape.outputCount, seed: 2))
    var expected = Array(repeating: 0.0, count: shape.inputCount)
    for (index, winner) in winners.enumerated() { expected[winner] += Double(dy.values[index]) }
    let dx = FencedFloats(unwritten: shape.inputCount)
    PoolingKernel.maxBackward(dy.constant, winners: taps, shape: shape, into: dx.pointer)
    #expect(worstError(dx.values, expected) < 1e-6)
    PoolingKernel.maxBackward(
      dy.constant, winners: taps, shape: shape, into: dx.pointer, addingToInput: true)
    #expect(worstError(dx.values, expected.map { 2 * $0 }) < 1e-6)
    #expect(output.fencesStand && dx.fencesStand)
  }

  /// As torch's `ceil_mode` has it: the last windows reach beyond the map, and none begins there.
  @Test(arguments: [
    // height, width, window, stride, padding, rows and columns of windows
    [10, 9, 2, 2, 0, 5, 5], [22, 46, 3, 2, 0, 11, 23], [9, 3, 3, 2, 0, 4, 1],
    [5, 6, 2, 3, 1, 2, 3], [4, 4, 1, 3, 0, 2, 2], [2, 3, 2, 4, 0, 1, 1],
  ])
  func windowsThatReachBeyondTheMap(numbers v: [Int]) {
    let (height, width, channels, window, padding) = (v[0], v[1], 9, v[2], v[4])
    let shape = PoolingShape(
      batch: 2, height: height, width: width, channels: channels, window: window, stride: v[3],
      padding: padding, roundsUp: true)
    #expect(shape.outputHeight == v[5] && shape.outputWidth == v[6])
    let input = FencedFloats(TestNumbers.normal(shape.inputCount, seed: 5).map { $0 - 4 })
    let output = FencedFloats(unwritten: shape.outputCount)
    var taps = Array(repeating: UInt8.max, count: shape.outputCount)
    PoolingKernel.max(input.constant, shape: shape, into: output.pointer, winners: &taps)
    let values = input.values
    var expected: [Float] = []
    for n in 0..<2 {
      for i in 0..<v[5] {
        for j in 0..<v[6] {
          for c in 0..<channels {
            var most = -Float.infinity
            for y in i * v[3] - padding..<i * v[3] - padding + window where y >= 0 && y < height {
              for x in j * v[3] - padding..<j * v[3] - padding + window where x >= 0 && x < width {
                most = max(most, values[((n * height + y) * width + x) * channels + c])
              }
            }
            expected.append(most)
          }
        }
      }
    }
    #expect(output.values == expected && output.fencesStand)
  }

  @Test func nanAndInfinitySpread() {
    let shape = PoolingShape(batch: 1, height: 2, width: 2, channels: 2, window: 2, stride: 1)
    let input = FencedFloats([1, -.infinity, .nan, -.infinity, 3, -.infinity, 0, -.infinity])
    let output = FencedFloats(unwritten: 2)
    var taps: [UInt8] = [9, 9]
    PoolingKernel.max(input.constant, shape: shape, into: output.pointer, winners: &taps)
    #expect(output.values[0].isNaN && taps[0] == 1)
    #expect(output.values[1] == -.infinity && taps[1] == 0)
  }

  /// The reference's own gradient against differences.
  @Test func l2GradientOfTheReferenceEqualsDifferences() {
    let reference = PoolingReference(
      batch: 1, height: 4, width: 3, channels: 2, window: 3, stride: 1, padding: 1)
    let x = doubles(TestNumbers.normal(reference.inputCount, seed: 1))
    let dy = doubles(TestNumbers.normal(reference.outputCount, seed: 2))
    let differences = centralDifferences(at: x) { dotProduct(reference.l2($0), dy) }
    #expect(worstDifference(reference.l2Gradient(dy, at: x), differences) < 1e-8)
  }

  @Test(arguments: cases)
  func l2(numbers: [Int]) {
    let (shape, reference) = shapes(numbers)
    // Rectified, so that windows of zeros occur.
    let input = FencedFloats(TestNumbers.normal(shape.inputCount, seed: 1).map { max($0, 0) })
    let output = FencedFloats(unwritten: shape.outputCount)
    L2PoolingKernel.forward(input.constant, shape: shape, into: output.pointer)
    #expect(worstError(output.values, reference.l2(doubles(input.values))) < 1e-6)

    let dy = FencedFloats(TestNumbers.normal(shape.outputCount, seed: 2))
    let expected = reference.l2Gradient(doubles(dy.values), at: doubles(input.values))
    let scratch = FencedFloats(unwritten: L2PoolingKernel.backwardScratchCount(shape))
    let dx = FencedFloats(unwritten: shape.inputCount)
    for adding in [false, true] {
      L2PoolingKernel.backward(
        dy.constant, input: input.constant, output: output.constant, shape: shape,
        into: dx.pointer, addingToInput: adding, scratch: scratch.pointer)
      #expect(worstError(dx.values, expected.map { adding ? 2 * $0 : $0 }) < 1e-6)
    }
    #expect(output.fencesStand && dx.fencesStand && scratch.fencesStand)
  }

  /// Pixels of the output apart, with others' channels between: the same numbers, nothing else.
  @Test(arguments: cases)
  func outputsInAWiderMap(numbers: [Int]) {
    let (dense, _) = shapes(numbers)
    let wide = PoolingShape(
      batch: dense.batch, height: dense.height, width: dense.width, channels: dense.channels,
      window: dense.window, stride: dense.stride, padding: dense.padding,
      outputStride: dense.channels + 5)
    let input = FencedFloats(TestNumbers.normal(dense.inputCount, seed: 1))
    let dy = TestNumbers.normal(dense.outputCount, seed: 2)
    var taps = Array(repeating: UInt8.max, count: dense.outputCount)
    let scratch = FencedFloats(unwritten: L2PoolingKernel.backwardScratchCount(dense))
    func run(_ shape: PoolingShape, isMaximum: Bool) -> (output: [Float], gradient: [Float]) {
      let pixels = dense.outputCount / dense.channels
      let map = StridedMap(pixels: pixels, channels: dense.channels, stride: shape.outputStride)
      let gradients = StridedMap(
        pixels: pixels, channels: dense.channels, stride: shape.outputStride)
      gradients.fill(dy)
      let dx = FencedFloats(unwritten: dense.inputCount)
      if isMaximum {
        PoolingKernel.max(input.constant, shape: shape, into: map.pointer, winners: &taps)
        PoolingKernel.maxBackward(
          gradients.pointer, winners: taps, shape: shape, into: dx.pointer)
      } else {
        L2PoolingKernel.forward(input.constant, shape: shape, into: map.pointer)
        L2PoolingKernel.backward(
          gradients.pointer, input: input.constant, output: map.pointer, shape: shape,
          into: dx.pointer, scratch: scratch.pointer)
      }
      #expect(map.gapsStand && gradients.gapsStand && dx.fencesStand)
      return (map.values, dx.values)
    }
    for isMaximum in [true, false] {
      let (output, gradient) = run(wide, isMaximum: isMaximum)
      let expected = run(dense, isMaximum: isMaximum)
      #expect(output == expected.output && gradient == expected.gradient)
    }
  }

  @Test(arguments: NormCase.shapes)
  func globalAverage(pixels: Int, channels: Int) {
    let batch = 2
    let input = FencedFloats(TestNumbers.normal(batch * pixels * channels, seed: 1, mean: 1))
    let output = FencedFloats(unwritten: batch * channels)
    PoolingKernel.globalAverage(
      input.constant, batch: batch, pixels: pixels, channels: channels, into: output.pointer)
    var expected = Array(repeating: 0.0, count: batch * channels)
    for (i, value) in input.values.enumerated() {
      expected[i / (pixels * channels) * channels + i % channels] += Double(value) / Double(pixels)
    }
    #expect(worstError(output.values, expected) < 1e-6)

    let dy = FencedFloats(TestNumbers.normal(batch * channels, seed: 2))
    let small = dy.values
    let spread = (0..<input.count).map {
      Double(small[$0 / (pixels * channels) * channels + $0 % channels]) / Double(pixels)
    }
    let dx = FencedFloats(unwritten: input.count)
    PoolingKernel.globalAverageBackward(
      dy.constant, batch: batch, pixels: pixels, channels: channels, into: dx.pointer)
    #expect(worstError(dx.values, spread) < 1e-6)
    PoolingKernel.globalAverageBackward(
      dy.constant, batch: batch, pixels: pixels, channels: channels, into: dx.pointer,
      addingToInput: true)
    #expect(worstError(dx.values, spread.map { 2 * $0 }) < 1e-6)
    #expect(output.fencesStand && dx.fencesStand)
  }
}
