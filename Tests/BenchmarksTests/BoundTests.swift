import Benchmarks
import Kernels
import Networks
import Testing

@Suite struct BoundTests {
  private func shape(_ size: Int, _ c: Int, _ k: Int, _ kernel: Int, _ stride: Int)
    -> ConvolutionShape
  {
    ConvolutionShape(
      height: size, width: size, inputChannels: c, outputChannels: k, kernelHeight: kernel,
      kernelWidth: kernel, stride: stride, paddingHeight: kernel / 2, paddingWidth: kernel / 2)
  }

  @Test func winogradCountsWholeTiles() {
    // 14 needs 4 tiles of 4 a side: 3 passes x 36 x 16 x 256 x 256.
    #expect(StepBound.multiplyAdds(of: shape(14, 256, 256, 3, 1)) == 3 * 36 * 16 * 65536)
    // 14 x 14 outputs of 9 x 256 inputs, directly.
    #expect(
      StepBound.multiplyAdds(of: shape(28, 256, 256, 3, 2)) == 3 * 196 * 9 * 65536)
    #expect(StepBound.multiplyAdds(of: shape(112, 3, 64, 3, 1)) == 2 * 12544 * 27 * 64)
  }

  @Test func timeIsArithmeticAndTraffic() {
    let rates = MachineRates(multiplyAddRate: 200, productRate: 1, readRate: 8, writeRate: 4)
    let bound = StepBound(convolutions: [shape(4, 8, 16, 1, 1)])
    let (input, output) = (4.0 * 16 * 8, 4.0 * 16 * 16)
    #expect(bound.multiplyAdds == 3 * 16 * 8 * 16)
    #expect(bound.readBytes == 2 * (input + output) + output)
    #expect(bound.writtenBytes == output + input)
    #expect(
      bound.seconds(rates)
        == 2 * bound.multiplyAdds / 200 + bound.readBytes / 8 + bound.writtenBytes / 4)
  }

  /// The table of IResNet-18 (Duta et al. 2020; insightface's iresnet.py): a convolution of three
  /// channels, then four stages of two blocks. A stage's first block has a 3x3 convolution on the
  /// map as it comes, one of stride 2, and a 1x1 of stride 2 beside them; its second has two 3x3.
  @Test func residualNetworkIsTheSumOfItsTable() throws {
    let network = try #require(
      Models.model(named: "iresnet18")?.network(
        image: MapShape(height: 112, width: 112, channels: 3), maximumRows: 1,
        options: ModelOptions()))
    #expect(network.convolutions.count == 21)
    // 3x3 of stride 1 as products of 36 over tiles of 4 x 4.
    func winograd(_ size: Int, _ c: Int, _ k: Int) -> Int {
      36 * ((size + 3) / 4) * ((size + 3) / 4) * c * k
    }
    var products = 0
    var (size, channels) = (112, 64)
    for width in [64, 128, 256, 512] {
      let half = size / 2
      products += winograd(size, channels, width) + 9 * half * half * width * width
      products += half * half * channels * width + 2 * winograd(half, width, width)
      (size, channels) = (half, width)
    }
    // Forward and both gradients; of the images there is none.
    let expected = 2 * 112 * 112 * 27 * 64 + 3 * products
    #expect(StepBound(network).multiplyAdds == Double(expected))
  }
}
