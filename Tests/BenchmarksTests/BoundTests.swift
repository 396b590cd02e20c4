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

  /// At 100 GF/s without memory the prototype's notes have 64.9 ms an image for IResNet-18.
  @Test func residualNetworkMatchesThePrototype() throws {
    let network = try #require(
      Models.model(named: "iresnet18")?.network(
        image: MapShape(height: 112, width: 112, channels: 3), maximumRows: 1,
        options: ModelOptions()))
    #expect(network.convolutions.count == 21)
    let milliseconds = 2 * StepBound(network).multiplyAdds / 100e9 * 1e3
    #expect(abs(milliseconds - 64.9) < 0.1)
  }
}
