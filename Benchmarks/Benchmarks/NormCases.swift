internal import Kernels
internal import Networks
internal import TestSupport

/// Batch norm with what is fused to it, forward and backward, at one shape.
struct NormCases: Hashable {
  let pixels, channels: Int
  let activation: ActivationFunction
  let hasResidual: Bool
  private let label: String

  /// What a batch-norm layer of a network does to `rows` images.
  init(_ layer: BatchNorm, rows: Int) {
    let shape = layer.output.shape
    pixels = rows * shape.pixels
    channels = shape.channels
    hasResidual = layer.hasResidual
    activation = layer.activation
    label = "\(layer.summary) \(shape)"
  }

  private var count: Int { pixels * channels }
  private var extra: Int { hasResidual ? count : 0 }

  var cases: [KernelCase] {
    let own = self
    // What backward reads twice is counted twice: the sums must be known before the gradient.
    return [
      KernelCase(
        "\(label) forward", reads: count + extra, writes: count, tolerance: 1e-5
      ) { NormTrial(own).forward },
      KernelCase(
        "\(label) backward", reads: 4 * count + 2 * extra, writes: count + extra, tolerance: 2e-5
      ) { NormTrial(own).backward },
    ]
  }

  /// The channel sums alone, where no convolution has made them.
  var statistics: KernelCase {
    let own = self
    return KernelCase(
      "channel sums \(pixels)x\(channels)", reads: count, writes: 0, tolerance: 1e-5
    ) { NormTrial(own).statistics }
  }
}

/// Operands of a batch norm: a map that repeats a shorter one, whose moments are the same, so that
/// the reference stays small.
private struct NormTrial {
  private let norm: NormCases
  private let period: Int
  private let x, dy, residual, y, dx, dr, scale, offset, slopes: Floats
  private let moments, small: Floats
  private let scratch: Doubles
  private let reference: BatchNormReference
  private let gradient: [Double]

  init(_ norm: NormCases) {
    self.norm = norm
    let channels = norm.channels
    // The longest divisor of the pixels that keeps the reference at about 400,000 elements.
    let limit = max(2, 400_000 / channels)
    period = (1...min(limit, norm.pixels)).last { norm.pixels % $0 == 0 } ?? 1
    let count = norm.pixels * channels
    let image = Noise.floats(period * channels, 1, mean: 0.5)
    let added = Noise.floats(period * channels, 2)
    let gradient = Noise.floats(period * channels, 3)
    let gains = Noise.floats(channels, 4, mean: 1, spread: 0.3)
    let offsets = Noise.floats(channels, 5, spread: 0.3)
    let slopeValues = Noise.floats(channels, 6, mean: 0.25, spread: 0.1)
    x = Floats(image, repeatedTo: count)
    residual = Floats(added, repeatedTo: norm.hasResidual ? count : added.count)
    dy = Floats(gradient, repeatedTo: count)
    (y, dx, dr) = (Floats(count), Floats(count), Floats(norm.hasResidual ? count : 1))
    (scale, offset, slopes) = (Floats(gains), Floats(offsets), Floats(slopeValues))
    moments = Floats(3 * channels)
    small = Floats(3 * channels)
    scratch = Doubles(BatchNormKernel.scratchCount(channels: channels))
    self.gradient = doubles(gradient)
    reference = BatchNormReference(
      channels: channels, input: doubles(image), scale: doubles(gains), offset: doubles(offsets),
      slopes: doubles(slopeValues), residual: norm.hasResidual ? doubles(added) : nil,
      activation: norm.activation.reference, epsilon: 1e-5)
    let sums = Doubles(2 * channels)
    BatchNormKernel.statistics(
      of: x.constant, pixels: norm.pixels, channels: channels, into: sums.pointer,
      scratch: scratch.pointer)
    BatchNormKernel.moments(
      from: sums.pointer, pixels: norm.pixels, channels: channels, epsilon: 1e-5,
      mean: moments.pointer, variance: moments.pointer + channels,
      inverseDeviation: moments.pointer + 2 * channels)
  }

  private var repeats: Double { Double(norm.pixels / period) }

  private var coefficients: BatchNormCoefficients {
    BatchNormCoefficients(
      mean: moments.constant, inverseDeviation: moments.constant + 2 * norm.channels,
      scale: scale.constant, offset: offset.constant, activation: norm.activation,
      slopes: norm.activation == .prelu ? slopes.constant : nil)
  }

  var forward: KernelTrial {
    let run = {
      BatchNormKernel.forward(
        x.constant, pixels: norm.pixels, channels: norm.channels, coefficients: coefficients,
        residual: norm.hasResidual ? residual.constant : nil, into: y.pointer,
        scratch: scratch.pointer)
    }
    return KernelTrial(run: run) {
      run()
      return y.worstError(repeating: reference.output)
    }
  }

  var backward: KernelTrial {
    let channels = norm.channels
    let usesOutput = norm.hasResidual && norm.activation == .relu
    let usesResidual = norm.hasResidual && norm.activation == .prelu
    if usesOutput { forward.run() }
    let run = {
      BatchNormKernel.backward(
        dy.constant, input: x.constant, output: usesOutput ? y.constant : nil,
        residual: usesResidual ? residual.constant : nil, pixels: norm.pixels,
        channels: channels, coefficients: coefficients, into: dx.pointer,
        residualGradient: norm.hasResidual ? dr.pointer : nil, scaleGradient: small.pointer,
        offsetGradient: small.pointer + channels,
        slopeGradient: norm.activation == .prelu ? small.pointer + 2 * channels : nil,
        scratch: scratch.pointer)
    }
    return KernelTrial(run: run) {
      run()
      let exact = reference.gradients(gradient)
      var worst = dx.worstError(repeating: exact.input)
      if norm.hasResidual { worst = max(worst, dr.worstError(repeating: exact.residual)) }
      let sums = [exact.scale, exact.offset] + (norm.activation == .prelu ? [exact.slopes] : [])
      for (i, sum) in sums.enumerated() {
        let own = Array(UnsafeBufferPointer(start: small.pointer + i * channels, count: channels))
        worst = max(worst, worstError(own, sum.map { $0 * repeats }))
      }
      return worst
    }
  }

  var statistics: KernelTrial {
    let sums = Doubles(2 * norm.channels)
    let run = {
      BatchNormKernel.statistics(
        of: x.constant, pixels: norm.pixels, channels: norm.channels, into: sums.pointer,
        scratch: scratch.pointer)
    }
    return KernelTrial(run: run) {
      run()
      let exact = referenceSums(reference.input, channels: norm.channels)
      return worstError(sums.values.map { Float($0) }, exact.map { $0 * repeats })
    }
  }
}

extension ActivationFunction {
  fileprivate var reference: ReferenceActivation {
    switch self {
    case .identity: .identity
    case .relu: .relu
    case .prelu: .prelu
    }
  }
}
