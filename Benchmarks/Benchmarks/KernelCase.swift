internal import Determinism
internal import Kernels
private import TestSupport

/// A kernel at one shape: what it is called, what it moves and computes, and how it is tried.
package struct KernelCase: Sendable {
  /// Operation and shape, such as `conv 3x3 56x56 64->128 forward`.
  package let name: String
  /// Multiply-adds of the operation as its formula stands; 0 where memory is all that counts.
  package let multiplyAdds: Double
  /// Multiply-adds that the algorithm needs; less than the formula's where it is a fast one.
  package let neededMultiplyAdds: Double
  /// Bytes of operands read and written once.
  package let readBytes, writtenBytes: Double
  /// The largest error that is right, relative to the largest element of the reference.
  package let tolerance: Double
  let make: @Sendable () -> KernelTrial

  init(
    _ name: String, multiplyAdds: Double = 0, needing needed: Double? = nil, reads: Int,
    writes: Int, tolerance: Double = 2e-6, make: @escaping @Sendable () -> KernelTrial
  ) {
    self.name = name
    self.multiplyAdds = multiplyAdds
    neededMultiplyAdds = needed ?? multiplyAdds
    readBytes = Double(4 * reads)
    writtenBytes = Double(4 * writes)
    self.tolerance = tolerance
    self.make = make
  }

  /// Verifies the kernel, then times it for about `budgetSeconds`.
  package func measure(budgetSeconds: Double, rates: MachineRates) -> BenchmarkRow {
    let trial = make()
    let error = trial.error()
    let timing = Timing.best(budgetSeconds: budgetSeconds, trial.run)
    let seconds = timing.bestSeconds
    let traffic = readBytes / rates.readRate + writtenBytes / rates.writeRate
    var figures = [
      "error": error, "tolerance": tolerance,
      "gbytes_per_second": (readBytes + writtenBytes) / seconds / 1e9,
      "bandwidth_share": traffic / seconds,
    ]
    if multiplyAdds > 0 {
      let rate = 2 * multiplyAdds / seconds
      figures["gflops"] = rate / 1e9
      figures["sgemm_share"] = rate / rates.productRate
      figures["fma_share"] = 2 * neededMultiplyAdds / seconds / rates.multiplyAddRate
    }
    return BenchmarkRow(
      name: name, bestSeconds: seconds, medianSeconds: timing.medianSeconds, figures: figures)
  }
}

/// A kernel with its operands in memory.
struct KernelTrial {
  /// Runs the kernel on the operands.
  let run: () -> Void
  /// Runs it and returns the error against the reference in Double; infinite where it is no number.
  let error: () -> Double
}

/// Floats that closures of a trial share.
final class Floats {
  private let memory: AlignedMemory

  init(_ count: Int, fill: Float = .nan) { memory = AlignedMemory(count: count, fill: fill) }

  convenience init(_ values: [Float]) {
    self.init(values.count)
    for (i, value) in values.enumerated() { pointer[i] = value }
  }

  /// `values` again and again, until there are `count`.
  convenience init(_ values: [Float], repeatedTo count: Int) {
    self.init(count)
    for i in 0..<count { pointer[i] = values[i % values.count] }
  }

  var pointer: UnsafeMutablePointer<Float> { memory.pointer }
  var constant: UnsafePointer<Float> { UnsafePointer(memory.pointer) }
  var count: Int { memory.count }
  var values: [Float] { Array(UnsafeBufferPointer(start: pointer, count: count)) }

  func prefix(_ count: Int) -> [Float] { Array(UnsafeBufferPointer(start: pointer, count: count)) }

  /// The worst error against `exact` of any of its repetitions that these are.
  func worstError(repeating exact: [Double]) -> Double {
    stride(from: 0, to: count, by: exact.count).map { start in
      TestSupport.worstError(
        Array(UnsafeBufferPointer(start: pointer + start, count: exact.count)), exact)
    }.max()!
  }
}

/// Doubles that closures of a trial share.
final class Doubles {
  private let memory: AlignedDoubles

  init(_ count: Int, fill: Double = .nan) { memory = AlignedDoubles(count: count, fill: fill) }

  var pointer: UnsafeMutablePointer<Double> { memory.pointer }
  var values: [Double] { Array(UnsafeBufferPointer(start: pointer, count: memory.count)) }
}

/// The numbers that kernels are tried on.
enum Noise {
  /// Uniform in `mean` +- `spread`, a function of `use`, `count` and the index.
  static func floats(_ count: Int, _ use: Int, mean: Double = 0, spread: Double = 1) -> [Float] {
    let stream = CounterRandom(seed: 11, purpose: .testing, use, count)
    return (0..<count).map { Float(mean + spread * (2 * stream.uniform($0) - 1)) }
  }
}
