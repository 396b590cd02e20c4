package import Kernels
package import Networks

/// The least time that the convolutions of a training step can take: multiply-adds at the measured
/// rate of the registers, and the traffic with memory that no blocking avoids, one after the other.
///
/// Stride-1 3x3 convolutions count the 36 products of F(4x4, 3x3) over whole tiles; everything else
/// counts its direct multiply-adds. Dense layers, loss head, batch norm and update count nothing,
/// so the share of the bound that a step reaches is an understatement.
package struct StepBound: Sendable, Equatable {
  /// Multiply-adds of one image, forward and both gradients.
  package let multiplyAdds: Double
  /// Bytes of one image read from memory and written to it.
  package let readBytes, writtenBytes: Double

  /// The bound of `shapes`, each a convolution of the network; one with three channels is the first
  /// and has no input gradient.
  package init(convolutions shapes: [ConvolutionShape]) {
    multiplyAdds = shapes.reduce(0) { $0 + Self.multiplyAdds(of: $1) }
    var (read, written) = (0.0, 0.0)
    for shape in shapes {
      let input = Double(4 * shape.inputCount)
      let output = Double(4 * shape.outputCount)
      // Forward reads x and, to own the lines it writes, y; the weights' gradient reads x and dy.
      read += 2 * (input + output)
      written += output
      if shape.inputChannels != 3 {
        read += output
        written += input
      }
    }
    readBytes = read
    writtenBytes = written
  }

  /// The bound of the convolutions of `network`.
  package init(_ network: Network) { self.init(convolutions: network.convolutions.map(\.shape)) }

  /// Multiply-adds of one image, forward and the gradients that there are.
  package static func multiplyAdds(of shape: ConvolutionShape) -> Double {
    let passes = shape.inputChannels == 3 ? 2.0 : 3.0
    let isWinograd =
      shape.kernelHeight == 3 && shape.kernelWidth == 3 && shape.stride == 1
      && shape.inputChannels > 3
    guard isWinograd else { return passes * Double(shape.multiplyAdds) }
    let tiles = ((shape.outputHeight + 3) / 4) * ((shape.outputWidth + 3) / 4)
    return passes * Double(36 * tiles * shape.inputChannels * shape.outputChannels)
  }

  /// Seconds of one image on one core with these rates.
  package func seconds(_ rates: MachineRates) -> Double {
    2 * multiplyAdds / rates.multiplyAddRate + readBytes / rates.readRate
      + writtenBytes / rates.writeRate
  }
}

extension Network {
  /// The convolutions, in forward order.
  package var convolutions: [Convolution] { layers.compactMap { $0 as? Convolution } }
}
