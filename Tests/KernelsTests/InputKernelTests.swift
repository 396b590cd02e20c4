import Kernels
import TestSupport
import Testing

@Suite struct InputKernelTests {
  @Test(arguments: [(1, 1), (3, 5), (7, 8), (112, 112)])
  func picturesBecomeFloats(height: Int, width: Int) {
    let pixels = (0..<height * width * 3).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ $0 / 91) }
    let scale: [Float] = [1 / 127.5, 0.01, 2]
    let offset: [Float] = [-1, 0.5, 3]
    for flipped in [false, true] {
      let output = FencedFloats(unwritten: pixels.count)
      InputKernel.convert(
        pixels, height: height, width: width, scale: scale, offset: offset, flipped: flipped,
        into: output.pointer)
      let expected = pixels.indices.map { i -> Double in
        let (row, column, c) = (i / 3 / width, i / 3 % width, i % 3)
        let x = pixels[(row * width + (flipped ? width - 1 - column : column)) * 3 + c]
        return Double(x) * Double(scale[c]) + Double(offset[c])
      }
      #expect(worstError(output.values, expected) < 1e-7)
      #expect(output.fencesStand)
    }
  }
}
