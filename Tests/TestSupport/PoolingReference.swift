/// Pooling of an NHWC map in Double, one output element at a time.
package struct PoolingReference {
  package var batch, height, width, channels, window, stride, padding: Int

  package init(
    batch: Int, height: Int, width: Int, channels: Int, window: Int, stride: Int, padding: Int
  ) {
    self.batch = batch
    self.height = height
    self.width = width
    self.channels = channels
    self.window = window
    self.stride = stride
    self.padding = padding
  }

  package var outputHeight: Int { (height + 2 * padding - window) / stride + 1 }
  package var outputWidth: Int { (width + 2 * padding - window) / stride + 1 }
  package var inputCount: Int { batch * height * width * channels }
  package var outputCount: Int { batch * outputHeight * outputWidth * channels }

  /// The input elements under the window of output element `index`, in scan order.
  package func elements(under index: Int) -> [Int] {
    let c = index % channels
    let x = index / channels % outputWidth
    let y = index / channels / outputWidth % outputHeight
    let n = index / channels / outputWidth / outputHeight
    var found: [Int] = []
    for r in 0..<window {
      for k in 0..<window {
        let (row, column) = (y * stride - padding + r, x * stride - padding + k)
        if row >= 0 && row < height && column >= 0 && column < width {
          found.append(((n * height + row) * width + column) * channels + c)
        }
      }
    }
    return found
  }

  /// The first element under each window that holds its maximum.
  package func winners(_ input: [Double]) -> [Int] {
    (0..<outputCount).map { index in
      let elements = elements(under: index)
      let best = elements.map { input[$0] }.max()!
      return elements.first { input[$0] == best }!
    }
  }

  /// The root of the sum of squares under each window.
  package func l2(_ input: [Double]) -> [Double] {
    (0..<outputCount).map { index in
      elements(under: index).reduce(0) { $0 + input[$1] * input[$1] }.squareRoot()
    }
  }

  /// The gradient of `l2` at `input`; windows of zeros have none.
  package func l2Gradient(_ outputGradient: [Double], at input: [Double]) -> [Double] {
    let output = l2(input)
    var result = Array(repeating: 0.0, count: inputCount)
    for index in 0..<outputCount where output[index] > 0 {
      for element in elements(under: index) {
        result[element] += outputGradient[index] * input[element] / output[index]
      }
    }
    return result
  }
}
