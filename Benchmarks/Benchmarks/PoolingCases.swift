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
        let values = (backward ? dx : y).values
        return stride(from: 0, to: values.count, by: exact.count).map {
          worstError(Array(values[$0..<$0 + exact.count]), exact)
        }.max()!
      })
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
