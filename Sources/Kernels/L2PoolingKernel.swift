/// L2 pooling (FaceNet, table 2), NHWC: the square root of the sum of squares over each window, with
/// zeros for padding.
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
    shape.forEachOutput { pixel, n, row, column in
      let rows = shape.taps(row, size: shape.height)
      let columns = shape.taps(column, size: shape.width)
      let target = output + pixel * shape.outputStride
      var c = 0
      while c < channels {
        let count = min(8, channels - c)
        var sum = SIMD8<Float>()
        for r in rows {
          for k in columns {
            let source = input + (shape.pixel(n, row, column, r, k) * channels + c)
            let x = Vector8(source, count: count)
            sum = sum.addingProduct(x, x)
          }
        }
        let root = sum.newtonSquareRoot()
        if count == 8 {
          root.store(target + c, count: 8)
        } else {
          for i in 0..<count { target[c + i] = root[i] }
        }
        c += 8
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
    let (outputHeight, outputWidth) = (shape.outputHeight, shape.outputWidth)
    shape.forEachInput { pixel, n, y, x in
      if y == 0 && x == 0 {
        let first = n * outputHeight * outputWidth * shape.outputStride
        divide(outputGradient + first, by: output + first, shape, into: scratch)
      }
      let rows = shape.windows(over: y, count: outputHeight)
      let columns = shape.windows(over: x, count: outputWidth)
      var c = 0
      while c < channels {
        let count = min(8, channels - c)
        var sum = Vector8(repeating: 0)
        for row in rows {
          for column in columns {
            sum += Vector8(scratch + ((row * outputWidth + column) * channels + c), count: count)
          }
        }
        let at = pixel * channels + c
        let gradient = sum * Vector8(input + at, count: count)
        let target = inputGradient + at
        (addingToInput ? Vector8(target, count: count) + gradient : gradient)
          .store(target, count: count)
        c += 8
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
