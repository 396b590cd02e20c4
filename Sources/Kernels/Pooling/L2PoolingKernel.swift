/// L2 pooling (FaceNet, table 2), NHWC: the square root of the sum of squares over each window,
/// with zeros for padding.
package enum L2PoolingKernel {
  /// Floats of scratch that `backward` needs: one image's output.
  package static func backwardScratchCount(_ shape: PoolingShape) -> Int {
    shape.outputHeight * shape.outputWidth * shape.channels
  }

  /// output = sqrt(sum over the window of input^2).
  package static func forward(
    _ input: UnsafePointer<Float>, shape: PoolingShape, into output: UnsafeMutablePointer<Float>
  ) {
    let channels = shape.channels
    shape.forEachOutput { pixel, taps in
      let target = output + pixel &* shape.outputStride
      forEachEight(channels) { c, count in
        var sum = Vector8(repeating: 0)
        var i = 0
        while i < taps.count {
          let x = Vector8(input + (taps[i].pixel &* channels &+ c), count: count)
          sum = sum.addingProduct(x, x)
          i &+= 1
        }
        sum.newtonSquareRoot().store(target + c, count: count)
      }
    }
  }

  /// The gradient of the input from that of the output and both values: an input has its share
  /// input / output of each of its windows; a window of zeros has none to give.
  ///
  /// `scratch` holds `backwardScratchCount` floats.
  package static func backward(
    _ outputGradient: UnsafePointer<Float>, input: UnsafePointer<Float>,
    output: UnsafePointer<Float>, shape: PoolingShape,
    into inputGradient: UnsafeMutablePointer<Float>, addingToInput: Bool = false,
    scratch: UnsafeMutablePointer<Float>
  ) {
    let channels = shape.channels
    let outputPixels = shape.outputHeight * shape.outputWidth
    var image = -1
    shape.forEachInput { pixel, n, taps in
      let first = n &* outputPixels
      if n != image {
        let at = first &* shape.outputStride
        divide(outputGradient + at, by: output + at, shape, into: scratch)
        image = n
      }
      let target = inputGradient + pixel &* channels
      forEachEight(channels) { c, count in
        var sum = Vector8(repeating: 0)
        var i = 0
        while i < taps.count {
          sum += Vector8(scratch + ((taps[i].pixel &- first) &* channels &+ c), count: count)
          i &+= 1
        }
        let gradient = sum * Vector8(input + (pixel &* channels &+ c), count: count)
        (addingToInput ? Vector8(target + c, count: count) + gradient : gradient)
          .store(target + c, count: count)
      }
    }
  }

  /// ratios [OH,OW,C] = gradient / output of one image, 0 where the output is 0.
  @inline(never)
  private static func divide(
    _ gradient: UnsafePointer<Float>, by output: UnsafePointer<Float>, _ shape: PoolingShape,
    into ratios: UnsafeMutablePointer<Float>
  ) {
    let channels = shape.channels
    let zero = SIMD8<Float>(repeating: 0)
    for pixel in 0..<shape.outputHeight * shape.outputWidth {
      let at = pixel * shape.outputStride
      let target = ratios + pixel * channels
      var c = 0
      while c + 8 <= channels {
        let y = Vector8(output + at + c, count: 8)
        ((Vector8(gradient + at + c, count: 8) / y).replacing(with: zero, where: y .== zero)).store(
          target + c, count: 8)
        c += 8
      }
      while c < channels {
        let y = output[at + c]
        target[c] = y == 0 ? 0 : gradient[at + c] / y
        c += 1
      }
    }
  }
}
