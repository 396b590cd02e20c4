import CAllocations
import Kernels
import Testing
import TestSupport

/// Law 6 of docs/design.md where it is strictest: a kernel allocates nothing, counted on its thread
/// from the first byte.
@Suite struct LawOfKernelMemory {
  /// Operands of any kernel below: more floats, doubles and bytes than it reads or writes.
  private struct Operands {
    let floats = (0..<8).map { FencedFloats(TestNumbers.normal(1 << 18, seed: $0), offset: 0) }
    let doubles = (0..<4).map { _ in
      UnsafeMutablePointer<Double>.allocate(capacity: 1 << 18)
    }
    let bytes = UnsafeMutablePointer<UInt8>.allocate(capacity: 1 << 18)

    init() {
      for memory in doubles { memory.initialize(repeating: 0.5, count: 1 << 18) }
      bytes.initialize(repeating: 0, count: 1 << 18)
    }

    func free() {
      for memory in doubles { memory.deallocate() }
      bytes.deallocate()
    }

    subscript(i: Int) -> UnsafeMutablePointer<Float> { floats[i].pointer }
  }

  private func expectNoAllocations(_ kernel: String, _ body: () -> Void) {
    // What the runtime notes of a generic type when it is first used it notes once in a process.
    body()
    callocations_watch()
    body()
    let count = callocations_watched()
    #expect(count == 0, "\(kernel): \(count) allocations")
  }

  @Test func theCounterSeesAByte() {
    callocations_watch()
    let byte = UnsafeMutablePointer<UInt8>.allocate(capacity: 1)
    #expect(callocations_watched() == 1)
    byte.deallocate()
  }

  /// Every entry of the list: `theTableReachesEveryAlgorithm`.
  @Test(arguments: ConvolutionKernelTests.cases, RegisterWidth.available)
  func convolutions(_ it: ConvolutionCase, registers: RegisterWidth) {
    for precision in Precision.allCases { convolutions(it, precision, registers) }
  }

  private func convolutions(
    _ it: ConvolutionCase, _ precision: Precision, _ registers: RegisterWidth
  ) {
    let (shape, rows) = (it.shape, it.reference.rows)
    let plan = ConvolutionPlan(
      shape, maximumRows: rows, precision: precision, registers: registers)
    let (x, w) = (FencedFloats(it.input), FencedFloats(it.packedWeights))
    let y = FencedFloats(unwritten: it.reference.outputCount)
    let scratch = FencedFloats(unwritten: plan.scratchCount, offset: 0)
    let prepared = FencedFloats(unwritten: plan.preparedCount, offset: 0)
    var sums = [Double](repeating: .nan, count: 2 * shape.outputChannels)
    let (from, to, weights, work) = (x.pointer, y.pointer, w.pointer, scratch.pointer)
    expectNoAllocations("prepare \(it)") {
      ConvolutionKernel.prepare(weights, plan: plan, into: prepared.pointer)
    }
    expectNoAllocations("forward \(it)") {
      ConvolutionKernel.forward(
        from, rows: rows, weights: weights, plan: plan, into: to, statistics: nil, scratch: work)
    }
    expectNoAllocations("forward with statistics \(it)") {
      ConvolutionKernel.forward(
        from, rows: rows, weights: weights, plan: plan, into: to, statistics: &sums, scratch: work)
    }
    expectNoAllocations("prepared \(it)") {
      ConvolutionKernel.forward(
        from, rows: rows, weights: weights, prepared: prepared.pointer, plan: plan, into: to,
        statistics: nil, scratch: work)
    }
    for adding in [false, true] {
      expectNoAllocations("input gradient \(it)") {
        ConvolutionKernel.backwardInput(
          to, rows: rows, weights: weights, plan: plan, into: from, adding: adding, scratch: work)
      }
    }
    expectNoAllocations("weight gradient \(it)") {
      ConvolutionKernel.backwardWeights(
        to, input: from, rows: rows, plan: plan, into: weights, scratch: work)
    }
  }

  @Test(arguments: GroupedConvolutionKernelTests.cases)
  func groupedConvolutions(_ it: GroupedConvolutionKernelTests.Case) {
    let (memory, shape) = (Operands(), it.shape)
    defer { memory.free() }
    expectNoAllocations("forward \(it)") {
      GroupedConvolutionKernel.forward(
        memory[0], rows: it.rows, weights: memory[1], shape: shape, into: memory[2],
        statistics: memory.doubles[0])
    }
    expectNoAllocations("input gradient \(it)") {
      GroupedConvolutionKernel.backwardInput(
        memory[2], rows: it.rows, weights: memory[1], shape: shape, into: memory[0], adding: true)
    }
    expectNoAllocations("weight gradient \(it)") {
      GroupedConvolutionKernel.backwardWeights(
        memory[2], input: memory[0], rows: it.rows, shape: shape, into: memory[1],
        scratch: memory.doubles[0])
    }
  }

  /// Channels of the widest layers and of none that fills registers.
  @Test(arguments: [3, 64, 1000], [ActivationFunction.identity, .relu, .prelu])
  func batchNorm(channels: Int, activation: ActivationFunction) {
    let (memory, pixels) = (Operands(), 100)
    defer { memory.free() }
    let coefficients = BatchNormCoefficients(
      mean: memory[0], inverseDeviation: memory[1], scale: memory[2], offset: memory[3],
      activation: activation, slopes: activation == .prelu ? UnsafePointer(memory[4]) : nil)
    expectNoAllocations("statistics") {
      BatchNormKernel.statistics(
        of: memory[5], pixels: pixels, channels: channels, into: memory.doubles[0],
        scratch: memory.doubles[2])
    }
    expectNoAllocations("moments") {
      BatchNormKernel.moments(
        from: memory.doubles[0], pixels: pixels, channels: channels, epsilon: 1e-5,
        mean: memory[0], variance: memory[7], inverseDeviation: memory[1])
      BatchNormKernel.inverseDeviation(
        of: memory[7], channels: channels, epsilon: 1e-5, into: memory[1])
    }
    expectNoAllocations("forward") {
      BatchNormKernel.forward(
        memory[5], pixels: pixels, channels: channels, coefficients: coefficients,
        residual: memory[6], into: memory[7], outputSums: memory.doubles[1],
        scratch: memory.doubles[2])
    }
    expectNoAllocations("backward") {
      BatchNormKernel.backward(
        memory[7], input: memory[5], residual: memory[6], pixels: pixels, channels: channels,
        coefficients: coefficients, into: memory[7], residualGradient: memory[6],
        scaleGradient: memory[2], offsetGradient: memory[3],
        slopeGradient: activation == .prelu ? memory[4] : nil, scratch: memory.doubles[0])
    }
  }

  @Test(arguments: [3, 64, 1000])
  func activations(channels: Int) {
    let (memory, pixels) = (Operands(), 100)
    defer { memory.free() }
    let keys: [UInt64] = Array(repeating: 7, count: pixels)
    expectNoAllocations("bias and ReLU") {
      BiasReLUKernel.forward(
        memory[0], pixels: pixels, channels: channels, bias: memory[1], into: memory[2],
        outputStride: channels)
      BiasReLUKernel.backward(
        memory[0], output: memory[2], outputStride: channels, pixels: pixels, channels: channels,
        into: memory[3], biasGradient: memory[4], scratch: memory.doubles[0])
    }
    expectNoAllocations("scaled residual") {
      ScaledResidualKernel.forward(
        memory[0], pixels: pixels, channels: channels, bias: memory[1], scale: 0.5,
        residual: memory[2], rectifies: true, into: memory[3])
      ScaledResidualKernel.backward(
        memory[0], output: memory[3], pixels: pixels, channels: channels, scale: 0.5,
        rectifies: true, into: memory[4], residualGradient: memory[5], biasGradient: memory[6],
        scratch: memory.doubles[0])
    }
    for activation in [ActivationFunction.identity, .relu, .prelu] {
      let coefficients = ElementwiseCoefficients(
        bias: UnsafePointer(memory[1]), factor: 0.5, activation: activation,
        slopes: UnsafePointer(memory[6]))
      expectNoAllocations("elementwise, \(activation)") {
        ElementwiseKernel.forward(
          memory[0], residual: memory[2], pixels: pixels, channels: channels,
          coefficients: coefficients, into: memory[3], outputStride: channels)
        ElementwiseKernel.backward(
          memory[3], output: memory[3], outputStride: channels, input: memory[0],
          residual: memory[2], pixels: pixels, channels: channels, coefficients: coefficients,
          into: memory[4], residualGradient: memory[5], biasGradient: memory[6],
          slopeGradient: memory[7], scratch: memory.doubles[0])
      }
    }
    expectNoAllocations("dropout") {
      DropoutKernel.forward(
        memory[0], rows: pixels, features: channels, keys: keys, rate: 0.4, into: memory[1])
      DropoutKernel.backward(
        memory[1], rows: pixels, features: channels, keys: keys, rate: 0.4, into: memory[0],
        addingToInput: true)
    }
    expectNoAllocations("maxout") {
      MaxoutKernel.forward(
        memory[0], rows: pixels, pieces: 2, outputs: channels, into: memory[1])
      MaxoutKernel.backward(
        memory[1], input: memory[0], rows: pixels, pieces: 2, outputs: channels, into: memory[2])
    }
    expectNoAllocations("local response normalization") {
      for size in [3, 5] {
        LocalResponseNormKernel.forward(
          memory[0], pixels: pixels, channels: channels, size: size, alpha: 1e-4, bias: 1,
          into: memory[1], scratch: memory[2])
        LocalResponseNormKernel.backward(
          memory[1], input: memory[0], pixels: pixels, channels: channels, size: size,
          alpha: 1e-4, bias: 1, into: memory[3], scratch: memory[2])
      }
    }
  }

  @Test(arguments: [2, 3, 7, 15])
  func pooling(window: Int) {
    let memory = Operands()
    defer { memory.free() }
    let shape = PoolingShape(
      batch: 2, height: 14, width: 15, channels: 72, window: window, stride: 2,
      padding: window / 2)
    expectNoAllocations("max") {
      PoolingKernel.max(memory[0], shape: shape, into: memory[1], winners: memory.bytes)
      PoolingKernel.maxBackward(
        memory[1], winners: memory.bytes, shape: shape, into: memory[2], addingToInput: true)
    }
    expectNoAllocations("L2") {
      L2PoolingKernel.forward(memory[0], shape: shape, into: memory[1])
      L2PoolingKernel.backward(
        memory[3], input: memory[0], output: memory[1], shape: shape, into: memory[2],
        scratch: memory[4])
    }
    expectNoAllocations("upsampling") {
      UpsamplingKernel.nearest(
        memory[0], height: 14, width: 15, channels: 72, factor: 2, into: memory[1])
    }
    expectNoAllocations("global average") {
      PoolingKernel.globalAverage(
        memory[0], batch: 2, pixels: 49, channels: 72, into: memory[1])
      PoolingKernel.globalAverageBackward(
        memory[1], batch: 2, pixels: 49, channels: 72, into: memory[2])
    }
  }

  @Test(arguments: [1, 16], RegisterWidth.available)
  func dense(rows: Int, lanes: RegisterWidth) {
    let (memory, inputs, outputs) = (Operands(), 300, 200)
    defer { memory.free() }
    let run = {
      LinearKernel.forward(
        memory[0], weights: memory[1], bias: memory[2], rows: rows, inputs: inputs,
        outputs: outputs, into: memory[3], in: lanes)
      LinearKernel.backwardInput(
        memory[3], weights: memory[1], rows: rows, inputs: inputs, outputs: outputs,
        into: memory[0], in: lanes)
      LinearKernel.backwardWeights(
        memory[3], input: memory[0], rows: rows, inputs: inputs, outputs: outputs,
        into: memory[1], biasGradient: memory[2], in: lanes)
    }
    expectNoAllocations("dense layer", run)
  }

  @Test func embeddingsAndSoftmax() {
    let (memory, rows, width) = (Operands(), 40, 100)
    defer { memory.free() }
    let (doubles, stride) = (memory.doubles, DistanceKernel.stride(width: 100))
    expectNoAllocations("normalization of rows and columns") {
      NormalizeKernel.inverseNorms(of: memory[0], rows: rows, width: width, into: memory[1])
      NormalizeKernel.scaleRows(
        of: memory[0], by: memory[1], rows: rows, width: width, into: memory[2])
      NormalizeKernel.scaleColumns(of: memory[2], by: memory[3], rows: rows, width: width)
      NormalizeKernel.addColumns(memory[3], rows: rows, width: width, addingTo: memory[2])
      NormalizeKernel.addRows(
        memory[0], times: memory[1], rows: rows, width: width, addingTo: memory[2])
      NormalizeKernel.sumColumns(of: memory[2], rows: rows, width: width, into: memory[4])
      NormalizeKernel.backward(
        memory[5], at: memory[2], inverseNorms: memory[1], rows: rows, width: width)
      NormalizeKernel.removeProjections(
        memory[3], inverseNorms: memory[1], along: memory[0], rows: rows, width: width,
        from: memory[5])
      _ = NormalizeKernel.cosine(memory[0], memory[1], count: width)
    }
    expectNoAllocations("hashes of four blocks") {
      guard HashKernel.hashesFourAtOnce else { return }
      doubles[0].withMemoryRebound(to: UInt64.self, capacity: 16) {
        HashKernel.advance($0, over: memory[0], count: 512, primes: (3, 5))
      }
    }
    expectNoAllocations("softmax") {
      let largest = SoftmaxKernel.maximum(of: memory[0], count: 1003)
      _ = SoftmaxKernel.exponentials(
        of: memory[0], count: 1003, scale: 64, minus: largest, into: memory[1])
      SoftmaxKernel.exponential(of: memory[0], count: 1003, into: memory[2])
      SoftmaxKernel.gradients(
        from: memory[1], cosines: memory[0], inverseNorms: memory[3], count: 1003, factor: 0.1,
        addingTo: memory[4])
    }
    expectNoAllocations("hard negatives") {
      let terms = CurriculumKernel.Terms(threshold: 0.1, weight: 0.3)
      CurriculumKernel.harden(memory[0], count: 1003, as: terms, into: memory[1])
      CurriculumKernel.multiply(memory[1], bySlopesAt: memory[0], count: 1003, as: terms)
      CurriculumKernel.gradients(
        of: memory[0], count: 1003, as: terms, scale: 64, minus: 3, factor: 0.1,
        inverseNorms: memory[3], into: memory[5], addingTo: memory[4])
    }
    expectNoAllocations("nearest centres") {
      SubCentreKernel.keepNearest(of: memory[1], count: 1002, centres: 3)
    }
    expectNoAllocations("label smoothing") {
      let terms = CurriculumKernel.Terms(threshold: 0.1, weight: 0.3)
      SmoothingKernel.add(memory[0], count: 1003, to: doubles[3])
      _ = SmoothingKernel.sum(of: doubles[3])
      SmoothingKernel.shift(memory[1], count: 1003, times: 0.1, plus: -0.01)
      SmoothingKernel.gradients(
        of: memory[0], count: 1003, as: nil, scale: 64, minus: 3, factor: 0.1, plus: -0.01,
        inverseNorms: memory[3], into: memory[5], addingTo: memory[4])
      SmoothingKernel.gradients(
        of: memory[0], count: 1003, as: terms, scale: 64, minus: 3, factor: 0.1, plus: -0.01,
        inverseNorms: memory[3], into: memory[5], addingTo: memory[4])
    }
    expectNoAllocations("unified cross-entropy") {
      UnifiedKernel.add(memory[0], count: 1003, scale: 64, bias: 12, to: doubles[3])
      _ = UnifiedKernel.sums(of: doubles[3])
      UnifiedKernel.gradients(
        of: memory[0], count: 1003, scale: 64, bias: 12, inverseNorms: memory[3],
        into: memory[5], addingTo: memory[4])
    }
    expectNoAllocations("softmax over ranks") {
      SoftmaxChain.add(
        exponentialsOf: memory[0], count: 1003, scale: 64, minus: 3, to: doubles[3])
      _ = SoftmaxChain.sum(
        of: doubles[3], tail: memory[0] + 1000, count: 3, scale: 64, minus: 3)
      SoftmaxChain.gradients(
        of: memory[0], count: 1003, scale: 64, minus: 3, factor: 0.1, inverseNorms: memory[3],
        into: memory[5], addingTo: memory[4])
    }
    expectNoAllocations("distances") {
      DistanceKernel.normalize(
        memory[0], rows: rows, width: width, into: doubles[0], inverseNorms: doubles[1])
      DistanceKernel.squaredDistances(
        from: doubles[0], count: rows, to: doubles[0], rows: rows, stride: stride,
        into: doubles[2])
      DistanceKernel.add(doubles[0], times: 2, count: stride, addingTo: doubles[3])
      _ = DistanceKernel.count(of: doubles[2], count: rows * rows, above: 0.1, below: 0.9)
      _ = DistanceKernel.dot(doubles[0], doubles[0] + stride, count: stride)
    }
  }

  @Test func sumsAndUpdates() {
    let (memory, count) = (Operands(), 1003)
    defer { memory.free() }
    let (doubles, grid) = (memory.doubles, SummationGrid(exponent: -36))
    expectNoAllocations("exact sums") {
      _ = GridKernel.accumulate(memory[0], count: count, grid: grid, addingTo: doubles[0])
      _ = GridKernel.accumulate(doubles: doubles[1], count: count, grid: grid, addingTo: doubles[0])
      GridKernel.finish(doubles[0], count: count, into: memory[1])
      _ = ReductionKernel.sumOfSquares(of: memory[0], count: count)
      _ = ReductionKernel.dot(memory[0], memory[1], count: count)
    }
    expectNoAllocations("what goes over the wire") {
      let words = UnsafeMutableRawPointer(memory.bytes).assumingMemoryBound(to: UInt16.self)
      _ = WireKernel.fits48(WireKernel.largest(of: doubles[0], count: count), grid: grid)
      WireKernel.pack48(doubles[0], count: count, grid: grid, into: memory.bytes)
      WireKernel.add48(memory.bytes, count: count, grid: grid, addingTo: doubles[1])
      WireKernel.add(doubles[0], count: count, addingTo: doubles[1])
      WireKernel.add(memory[0], count: count, scale: 0.5, addingTo: doubles[1])
      WireKernel.packBFloat16(
        doubles[0], count: count, scale: 0.5, residual: memory[2], into: words)
      WireKernel.add(bfloat16: words, count: count, scale: 0.5, addingTo: doubles[1])
      WireKernel.unpackBFloat16(words, count: count, into: memory[3])
    }
    let factors = OptimizerKernel.AdamWFactors(
      keep: 0.999, rate: 0.001, beta1: 0.9, beta2: 0.999, correction2: 0.001, epsilon: 1e-8,
      scale: 1)
    expectNoAllocations("optimizers") {
      OptimizerKernel.momentum(
        memory[0], along: memory[1], velocity: memory[2], count: count, rate: 0.1, momentum: 0.9,
        nesterov: true, decay: 1e-4, scale: 1, factor: 1)
      OptimizerKernel.adaGrad(
        memory[0], along: memory[1], squares: memory[3], count: count, rate: 0.1, epsilon: 1e-8,
        decay: 1e-4, scale: 1)
      OptimizerKernel.adamW(
        memory[0], along: memory[1], means: memory[4], squares: memory[5], count: count,
        factors: factors)
      OptimizerKernel.average(memory[0], towards: memory[1], count: count, rate: 0.1)
    }
  }
}
