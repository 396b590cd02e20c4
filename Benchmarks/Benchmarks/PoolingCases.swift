internal import Kernels
internal import Networks
internal import TestSupport

/// Pooling at one shape, forward and backward.
enum PoolingCases {
  /// Max pooling of `rows` maps of `shape`.
  static func max(_ shape: MapShape, window: Int, stride: Int, padding: Int, rows: Int)
    -> [KernelCase]
  {
    let whole = PoolingShape(
      batch: rows, height: shape.height, width: shape.width, channels: shape.channels,
      window: window, stride: stride, padding: padding)
    let name = "max pool \(window)x\(window)/\(stride) \(shape)"
    let inputs = whole.inputCount
    let outputs = whole.outputCount
    return [
      KernelCase("\(name) forward", reads: inputs, writes: outputs + outputs / 4, tolerance: 0) {
        trial(whole, backward: false)
      },
      KernelCase("\(name) backward", reads: outputs + outputs / 4, writes: inputs) {
        trial(whole, backward: true)
      },
    ]
  }

  private static func trial(_ shape: PoolingShape, backward: Bool) -> KernelTrial {
    let image = Noise.floats(shape.inputCount / shape.batch, 1)
    let gradient = Noise.floats(shape.outputCount / shape.batch, 2)
    let x = Floats(image, repeatedTo: shape.inputCount)
    let dy = Floats(gradient, repeatedTo: shape.outputCount)
    let y = Floats(shape.outputCount)
    let dx = Floats(shape.inputCount)
    let bytes = Floats(shape.outputCount / 4 + 1)
    let winners = UnsafeMutableRawPointer(bytes.pointer).assumingMemoryBound(to: UInt8.self)
    let forward = {
      PoolingKernel.max(x.constant, shape: shape, into: y.pointer, winners: winners)
    }
    let backwardRun = {
      PoolingKernel.maxBackward(dy.constant, winners: winners, shape: shape, into: dx.pointer)
    }
    forward()
    return KernelTrial(
      run: {
        if backward { backwardRun() } else { forward() }
        withExtendedLifetime(bytes) {}
      },
      error: {
        forward()
        backwardRun()
        let reference = PoolingReference(
          batch: 1, height: shape.height, width: shape.width, channels: shape.channels,
          window: shape.window, stride: shape.stride, padding: shape.padding)
        let exactImage = doubles(image)
        let won = reference.winners(exactImage)
        var exact = won.map { exactImage[$0] }
        if backward {
          exact = [Double](repeating: 0, count: image.count)
          for (i, winner) in won.enumerated() { exact[winner] += Double(gradient[i]) }
        }
        return (backward ? dx : y).worstError(repeating: exact)
      })
  }

  /// L2 pooling of `rows` maps of `shape`.
  static func l2(_ shape: MapShape, window: Int, stride: Int, padding: Int, rows: Int)
    -> [KernelCase]
  {
    let whole = PoolingShape(
      batch: rows, height: shape.height, width: shape.width, channels: shape.channels,
      window: window, stride: stride, padding: padding)
    let name = "L2 pool \(window)x\(window)\(stride == 1 ? "" : "/\(stride)") \(shape)"
    let (inputs, outputs) = (whole.inputCount, whole.outputCount)
    return [
      KernelCase("\(name) forward", reads: inputs, writes: outputs) {
        l2Trial(whole, backward: false)
      },
      KernelCase("\(name) backward", reads: inputs + 2 * outputs, writes: inputs) {
        l2Trial(whole, backward: true)
      },
    ]
  }

  private static func l2Trial(_ shape: PoolingShape, backward: Bool) -> KernelTrial {
    let image = Noise.floats(shape.inputCount / shape.batch, 1)
    let gradient = Noise.floats(shape.outputCount / shape.batch, 2)
    let x = Floats(image, repeatedTo: shape.inputCount)
    let dy = Floats(gradient, repeatedTo: shape.outputCount)
    let (y, dx) = (Floats(shape.outputCount), Floats(shape.inputCount))
    let scratch = Floats(L2PoolingKernel.backwardScratchCount(shape))
    let forward = { L2PoolingKernel.forward(x.constant, shape: shape, into: y.pointer) }
    let run = {
      guard backward else { return forward() }
      L2PoolingKernel.backward(
        dy.constant, input: x.constant, output: y.constant, shape: shape, into: dx.pointer,
        scratch: scratch.pointer)
    }
    forward()
    return KernelTrial(run: run) {
      run()
      let reference = PoolingReference(
        batch: 1, height: shape.height, width: shape.width, channels: shape.channels,
        window: shape.window, stride: shape.stride, padding: shape.padding)
      return backward
        ? dx.worstError(repeating: reference.l2Gradient(doubles(gradient), at: doubles(image)))
        : y.worstError(repeating: reference.l2(doubles(image)))
    }
  }

  /// The mean over each of `rows` maps of `shape`.
  static func average(_ shape: MapShape, rows: Int) -> [KernelCase] {
    let outputs = rows * shape.channels
    let inputs = rows * shape.count
    return [
      KernelCase("average pool \(shape) forward", reads: inputs, writes: outputs) {
        let x = Floats(Noise.floats(inputs, 1, mean: 0.25))
        let y = Floats(outputs)
        let run = {
          PoolingKernel.globalAverage(
            x.constant, batch: rows, pixels: shape.pixels, channels: shape.channels,
            into: y.pointer)
        }
        return KernelTrial(run: run) {
          run()
          let exact = (0..<rows).flatMap { n in
            referenceSums(
              doubles(Array(x.values[n * shape.count..<(n + 1) * shape.count])),
              channels: shape.channels
            )[..<shape.channels].map { $0 / Double(shape.pixels) }
          }
          return worstError(y.values, exact)
        }
      },
      KernelCase("average pool \(shape) backward", reads: outputs, writes: inputs) {
        let dy = Floats(Noise.floats(outputs, 1))
        let dx = Floats(inputs)
        let run = {
          PoolingKernel.globalAverageBackward(
            dy.constant, batch: rows, pixels: shape.pixels, channels: shape.channels,
            into: dx.pointer)
        }
        return KernelTrial(run: run) {
          run()
          let gradient = dy.values
          let exact = (0..<inputs).map { i in
            Double(gradient[i / shape.count * shape.channels + i % shape.channels])
              / Double(shape.pixels)
          }
          return worstError(dx.values, exact)
        }
      },
    ]
  }
}
