/// A convolution and its gradients in Double, as the formula has them: input [N, H, W, C], output
/// [N, OH, OW, K], weights in logical order [K, C, R, S]; square stride, padding by axis.
package struct ConvolutionReference: Sendable {
  package var rows, height, width, inputChannels, outputChannels: Int
  package var kernelHeight, kernelWidth, stride, paddingHeight, paddingWidth: Int

  package init(
    rows: Int, height: Int, width: Int, inputChannels: Int, outputChannels: Int,
    kernelHeight: Int, kernelWidth: Int, stride: Int, paddingHeight: Int, paddingWidth: Int
  ) {
    self.rows = rows
    self.height = height
    self.width = width
    self.inputChannels = inputChannels
    self.outputChannels = outputChannels
    self.kernelHeight = kernelHeight
    self.kernelWidth = kernelWidth
    self.stride = stride
    self.paddingHeight = paddingHeight
    self.paddingWidth = paddingWidth
  }

  package var outputHeight: Int { (height + 2 * paddingHeight - kernelHeight) / stride + 1 }
  package var outputWidth: Int { (width + 2 * paddingWidth - kernelWidth) / stride + 1 }
  package var inputCount: Int { rows * height * width * inputChannels }
  package var outputCount: Int { rows * outputHeight * outputWidth * outputChannels }
  package var weightCount: Int { outputChannels * inputChannels * kernelHeight * kernelWidth }

  /// y[n, i, j, k] = sum of x[n, i s + r - p, j s + q - p, c] w[k, c, r, q].
  package func forward(_ x: [Double], weights w: [Double]) -> [Double] {
    var y = [Double](repeating: 0, count: outputCount)
    forEachTap { yAt, xAt, wAt in
      for k in 0..<outputChannels {
        var sum = 0.0
        for c in 0..<inputChannels { sum += x[xAt + c] * w[wAt + k * weightStride + c * taps] }
        y[yAt + k] += sum
      }
    }
    return y
  }

  /// The gradient of sum(y dy) by x.
  package func backwardInput(_ dy: [Double], weights w: [Double]) -> [Double] {
    var dx = [Double](repeating: 0, count: inputCount)
    forEachTap { yAt, xAt, wAt in
      for k in 0..<outputChannels {
        for c in 0..<inputChannels {
          dx[xAt + c] += dy[yAt + k] * w[wAt + k * weightStride + c * taps]
        }
      }
    }
    return dx
  }

  /// The gradient of sum(y dy) by w.
  package func backwardWeights(_ dy: [Double], input x: [Double]) -> [Double] {
    var dw = [Double](repeating: 0, count: weightCount)
    forEachTap { yAt, xAt, wAt in
      for k in 0..<outputChannels {
        for c in 0..<inputChannels {
          dw[wAt + k * weightStride + c * taps] += dy[yAt + k] * x[xAt + c]
        }
      }
    }
    return dw
  }

  private var taps: Int { kernelHeight * kernelWidth }
  private var weightStride: Int { inputChannels * taps }

  /// Calls `body` with the places of output pixel, input pixel and tap of every pair that meets.
  private func forEachTap(_ body: (_ y: Int, _ x: Int, _ w: Int) -> Void) {
    for n in 0..<rows {
      for i in 0..<outputHeight {
        for j in 0..<outputWidth {
          let yAt = ((n * outputHeight + i) * outputWidth + j) * outputChannels
          for r in 0..<kernelHeight {
            let row = i * stride + r - paddingHeight
            guard row >= 0 && row < height else { continue }
            for q in 0..<kernelWidth {
              let column = j * stride + q - paddingWidth
              guard column >= 0 && column < width else { continue }
              let xAt = ((n * height + row) * width + column) * inputChannels
              body(yAt, xAt, r * kernelWidth + q)
            }
          }
        }
      }
    }
  }
}
