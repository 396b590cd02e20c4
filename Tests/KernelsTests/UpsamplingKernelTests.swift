import Kernels
import TestSupport
import Testing

@Suite struct UpsamplingKernelTests {
  @Test(arguments: [[1, 1, 1, 1], [3, 4, 5, 2], [2, 3, 64, 2], [4, 1, 9, 3], [1, 5, 8, 16]])
  func everyPixelBecomesASquare(numbers: [Int]) {
    let (height, width, channels, factor) = (numbers[0], numbers[1], numbers[2], numbers[3])
    let input = FencedFloats(TestNumbers.normal(height * width * channels, seed: 1))
    let output = FencedFloats(unwritten: height * width * channels * factor * factor)
    UpsamplingKernel.nearest(
      input.constant, height: height, width: width, channels: channels, factor: factor,
      into: output.pointer)
    let (from, values) = (input.values, output.values)
    var expected: [Float] = []
    for y in 0..<height * factor {
      for x in 0..<width * factor {
        let pixel = (y / factor * width + x / factor) * channels
        expected += from[pixel..<pixel + channels]
      }
    }
    #expect(values == expected)
  }
}
