internal import Determinism
internal import Kernels
internal import Networks
internal import TestSupport

/// What is done to single elements and their neighbours between convolutions, forward and backward.
///
/// The images of a microbatch are one and the same, so that the reference needs but one of them.
struct ElementwiseCases {
  let shape: MapShape
  let rows: Int

  private var pixels: Int { rows * shape.pixels }
  private var count: Int { rows * shape.count }

  /// act(factor (x + bias) + shortcut), as a layer's `operations` have it.
  func bias(_ operations: [Networks.Operation]) -> [KernelCase] {
    let factors = operations.compactMap { operation -> Float? in
      if case .scale(let factor) = operation { factor } else { nil }
    }
    let factor = factors.first ?? 1
    let hasShortcut = operations.contains { if case .add = $0 { true } else { false } }
    let rectifies = operations.contains { if case .relu = $0 { true } else { false } }
    let name =
      "bias" + (hasShortcut ? " + shortcut" : "") + (rectifies ? ", relu" : "") + " \(shape)"
    let extra = hasShortcut ? count : 0
    let own = self
    return [
      KernelCase("\(name) forward", reads: count + extra, writes: count) {
        BiasTrial(own, factor: factor, hasShortcut: hasShortcut, rectifies: rectifies).forward
      },
      KernelCase(
        "\(name) backward", reads: count + (rectifies ? count : 0), writes: count + extra,
        tolerance: 2e-5
      ) {
        BiasTrial(own, factor: factor, hasShortcut: hasShortcut, rectifies: rectifies).backward
      },
    ]
  }

  /// Local response normalisation across `size` channels.
  func responseNorm(size: Int, alpha: Float, bias: Float) -> [KernelCase] {
    let own = self
    let name = "response norm \(size) \(shape)"
    return [
      KernelCase("\(name) forward", reads: count, writes: count) {
        own.responseNormTrial(size: size, alpha: alpha, bias: bias, backward: false)
      },
      KernelCase("\(name) backward", reads: 2 * count, writes: count) {
        own.responseNormTrial(size: size, alpha: alpha, bias: bias, backward: true)
      },
    ]
  }

  private func responseNormTrial(size: Int, alpha: Float, bias: Float, backward: Bool)
    -> KernelTrial
  {
    let (pixels, channels) = (pixels, shape.channels)
    let image = Noise.floats(shape.count, 1)
    let gradient = Noise.floats(shape.count, 2)
    let x = Floats(image, repeatedTo: count)
    let dy = Floats(gradient, repeatedTo: count)
    let y = Floats(count)
    let scratch = Floats(LocalResponseNormKernel.scratchCount(channels: channels, size: size))
    let run = {
      if backward {
        LocalResponseNormKernel.backward(
          dy.constant, input: x.constant, pixels: pixels, channels: channels, size: size,
          alpha: alpha, bias: bias, into: y.pointer, scratch: scratch.pointer)
      } else {
        LocalResponseNormKernel.forward(
          x.constant, pixels: pixels, channels: channels, size: size, alpha: alpha, bias: bias,
          into: y.pointer, scratch: scratch.pointer)
      }
    }
    return KernelTrial(run: run) {
      run()
      let reference = ResponseNormReference(
        channels: channels, size: size, alpha: Double(alpha), bias: Double(bias))
      return y.worstError(
        repeating: backward
          ? reference.gradient(doubles(gradient), at: doubles(image))
          : reference.output(doubles(image)))
    }
  }

  /// Dropout with its mask, which both directions make alike.
  var dropout: [KernelCase] {
    let own = self
    return [
      KernelCase("dropout \(shape)", reads: count, writes: count, tolerance: 0) {
        let (rows, features) = (own.rows, own.shape.count)
        let streams = (0..<rows).map { CounterRandom(seed: 3, purpose: .dropout, $0) }
        let keys = streams.map(\.key)
        let (x, y) = (Floats(Noise.floats(rows * features, 1)), Floats(rows * features))
        let run = {
          DropoutKernel.forward(
            x.constant, rows: rows, features: features, keys: keys, rate: 0.5, into: y.pointer)
        }
        return KernelTrial(run: run) {
          run()
          let threshold = DropoutKernel.threshold(rate: 0.5)
          let exact = x.values.enumerated().map { i, value in
            streams[i / features].word(i % features) >= threshold ? 2 * Double(value) : 0
          }
          return worstError(y.values, exact)
        }
      }
    ]
  }

  /// The largest of `pieces` parts of the features.
  func maxout(pieces: Int) -> [KernelCase] {
    let own = self
    let outputs = count / pieces
    let name = "maxout of \(pieces) \(shape)"
    return [
      KernelCase("\(name) forward", reads: count, writes: outputs, tolerance: 0) {
        own.maxoutTrial(pieces: pieces, backward: false)
      },
      KernelCase("\(name) backward", reads: count + outputs, writes: count, tolerance: 0) {
        own.maxoutTrial(pieces: pieces, backward: true)
      },
    ]
  }

  private func maxoutTrial(pieces: Int, backward: Bool) -> KernelTrial {
    let (rows, outputs) = (rows, shape.channels / pieces)
    let x = Floats(Noise.floats(count, 1))
    let dy = Floats(Noise.floats(rows * outputs, 2))
    let y = Floats(backward ? count : rows * outputs)
    let run = {
      if backward {
        MaxoutKernel.backward(
          dy.constant, input: x.constant, rows: rows, pieces: pieces, outputs: outputs,
          into: y.pointer)
      } else {
        MaxoutKernel.forward(
          x.constant, rows: rows, pieces: pieces, outputs: outputs, into: y.pointer)
      }
    }
    return KernelTrial(run: run) {
      run()
      let input = doubles(x.values)
      var exact = [Double](repeating: 0, count: y.count)
      for (i, gradient) in dy.values.enumerated() {
        let (row, output) = (i / outputs, i % outputs)
        let places = (0..<pieces).map { (row * pieces + $0) * outputs + output }
        let winner = places.max { input[$0] < input[$1] }!
        if backward { exact[winner] = Double(gradient) } else { exact[i] = input[winner] }
      }
      return worstError(y.values, exact)
    }
  }
}

/// Operands of a bias with what follows it.
private struct BiasTrial {
  private let pixels, channels, rows: Int
  private let factor: Float
  private let hasShortcut, rectifies: Bool
  private let x, shortcut, dy, y, dx, dr, bias, biasGradient: Floats
  private let scratch: Doubles
  /// One image's values before the ReLU, and its gradients behind it.
  private let before, gradient: [Double]

  init(_ cases: ElementwiseCases, factor: Float, hasShortcut: Bool, rectifies: Bool) {
    let shape = cases.shape
    rows = cases.rows
    (pixels, channels) = (rows * shape.pixels, shape.channels)
    (self.factor, self.hasShortcut, self.rectifies) = (factor, hasShortcut, rectifies)
    let image = Noise.floats(shape.count, 1)
    let added = Noise.floats(shape.count, 2)
    let incoming = Noise.floats(shape.count, 3)
    let biases = Noise.floats(channels, 4, spread: 0.3)
    let count = rows * shape.count
    x = Floats(image, repeatedTo: count)
    shortcut = Floats(added, repeatedTo: hasShortcut ? count : 1)
    dy = Floats(incoming, repeatedTo: count)
    (y, dx, dr) = (Floats(count), Floats(count), Floats(hasShortcut ? count : 1))
    (bias, biasGradient) = (Floats(biases), Floats(channels))
    scratch = Doubles(
      max(
        BiasReLUKernel.backwardScratchCount(channels: channels),
        ScaledResidualKernel.backwardScratchCount(channels: channels)))
    before = image.indices.map { i in
      Double(factor) * (Double(image[i]) + Double(biases[i % shape.channels]))
        + (hasShortcut ? Double(added[i]) : 0)
    }
    gradient = doubles(incoming)
  }

  var forward: KernelTrial {
    let run = {
      if hasShortcut {
        ScaledResidualKernel.forward(
          x.constant, pixels: pixels, channels: channels, bias: bias.constant, scale: factor,
          residual: shortcut.constant, rectifies: rectifies, into: y.pointer)
      } else {
        BiasReLUKernel.forward(
          x.constant, pixels: pixels, channels: channels, bias: bias.constant, into: y.pointer,
          outputStride: channels)
      }
    }
    return KernelTrial(run: run) {
      run()
      return y.worstError(repeating: rectifies ? before.map { max($0, 0) } : before)
    }
  }

  var backward: KernelTrial {
    forward.run()
    let run = {
      if hasShortcut {
        ScaledResidualKernel.backward(
          dy.constant, output: y.constant, pixels: pixels, channels: channels, scale: factor,
          rectifies: rectifies, into: dx.pointer, residualGradient: dr.pointer,
          biasGradient: biasGradient.pointer, scratch: scratch.pointer)
      } else {
        BiasReLUKernel.backward(
          dy.constant, output: y.constant, outputStride: channels, pixels: pixels,
          channels: channels, into: dx.pointer, biasGradient: biasGradient.pointer,
          scratch: scratch.pointer)
      }
    }
    return KernelTrial(run: run) {
      run()
      let passed = zip(gradient, before).map { rectifies && $1 <= 0 ? 0 : $0 }
      var sums = [Double](repeating: 0, count: channels)
      for (i, value) in passed.enumerated() {
        sums[i % channels] += Double(factor) * value * Double(rows)
      }
      return max(
        dx.worstError(repeating: passed.map { Double(factor) * $0 }),
        hasShortcut ? dr.worstError(repeating: passed) : 0,
        worstError(biasGradient.values, sums))
    }
  }
}
