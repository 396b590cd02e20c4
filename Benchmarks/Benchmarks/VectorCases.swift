internal import Kernels
internal import TestSupport

#if canImport(Glibc)
  private import Glibc
#else
  private import Darwin
#endif

/// e^x, for references.
func exponential(_ x: Double) -> Double { exp(x) }

/// Work on flat vectors: exact summation and the optimizers.
enum VectorCases {
  static func all(count: Int) -> [KernelCase] {
    exactSums(count: count) + wire(count: count) + optimizers(count: count)
  }

  /// Sums in 48 bits on their way between ranks, and what `--reduce bf16` sends.
  private static func wire(count: Int) -> [KernelCase] {
    let grid = SummationGrid(exponent: -36)
    @Sendable func gridSums() -> Doubles {
      let sums = Doubles(count)
      for (i, value) in Noise.floats(count, 1, spread: 100).enumerated() {
        sums.pointer[i] = grid.rounded(Double(value))
      }
      return sums
    }
    return [
      KernelCase(
        "pack 48 bits \(count)", reads: 2 * count, writes: count * 3 / 2, tolerance: 0
      ) {
        let (sums, back) = (gridSums(), Doubles(count))
        let bytes = Floats(count * 3 / 2 + 2)
        let run = {
          WireKernel.pack48(sums.pointer, count: count, grid: grid, into: bytes.pointer)
        }
        return KernelTrial(run: run) {
          run()
          back.pointer.update(repeating: 0, count: count)
          WireKernel.add48(bytes.pointer, count: count, grid: grid, addingTo: back.pointer)
          return back.values == sums.values ? 0 : .infinity
        }
      },
      KernelCase(
        "add 48 bits \(count)", reads: count * 7 / 2, writes: 2 * count, tolerance: 0
      ) {
        let (sums, total) = (gridSums(), Doubles(count, fill: 0))
        let bytes = Floats(count * 3 / 2 + 2)
        WireKernel.pack48(sums.pointer, count: count, grid: grid, into: bytes.pointer)
        let run = {
          WireKernel.add48(bytes.pointer, count: count, grid: grid, addingTo: total.pointer)
        }
        return KernelTrial(run: run) {
          total.pointer.update(repeating: 0.25, count: count)
          run()
          return zip(total.values, sums.values).allSatisfy { $0 == $1 + 0.25 } ? 0 : .infinity
        }
      },
      KernelCase(
        "pack bfloat16 \(count)", reads: 3 * count, writes: count * 3 / 2, tolerance: 0x1p-8
      ) {
        let sums = gridSums()
        let (rest, values) = (Floats(count, fill: 0), Floats(count / 2 + 1))
        let packed = UnsafeMutableRawPointer(values.pointer).assumingMemoryBound(to: UInt16.self)
        let run = {
          WireKernel.packBFloat16(
            sums.pointer, count: count, scale: 1, residual: rest.pointer, into: packed)
          withExtendedLifetime(values) {}
        }
        return KernelTrial(run: run) {
          rest.pointer.update(repeating: 0, count: count)
          run()
          let floats = Floats(count)
          WireKernel.unpackBFloat16(packed, count: count, into: floats.pointer)
          return worstError(floats.values, sums.values)
        }
      },
    ]
  }

  private static func exactSums(count: Int) -> [KernelCase] {
    let grid = SummationGrid(exponent: -36)
    return [
      KernelCase("grid sum of \(count)", reads: 3 * count, writes: 2 * count, tolerance: 0) {
        let values = Floats(Noise.floats(count, 1))
        let sums = Doubles(count, fill: 0)
        let run = {
          _ = GridKernel.accumulate(
            values.constant, count: count, grid: grid, addingTo: sums.pointer)
        }
        return KernelTrial(run: run) {
          sums.pointer.update(repeating: 0, count: count)
          run()
          run()
          // The nearest multiple of the spacing, by a way of its own.
          let isExact = zip(values.values, sums.values).allSatisfy { value, sum in
            sum == 2 * (Double(value) * 0x1p36).rounded(.toNearestOrEven) * 0x1p-36
          }
          return isExact ? 0 : .infinity
        }
      },
      KernelCase("grid sums to floats \(count)", reads: 2 * count, writes: count, tolerance: 1e-7) {
        let sums = Doubles(count, fill: 0)
        for (i, value) in Noise.floats(count, 1).enumerated() { sums.pointer[i] = Double(value) }
        let values = Floats(count)
        let run = {
          GridKernel.finish(sums.pointer, count: count, scale: 1 / 48.0, into: values.pointer)
        }
        return KernelTrial(run: run) {
          run()
          return worstError(values.values, sums.values.map { $0 / 48 })
        }
      },
    ]
  }

  private static func optimizers(count: Int) -> [KernelCase] {
    [
      KernelCase("sgd with momentum \(count)", reads: 3 * count, writes: 2 * count) {
        trial(
          count,
          update: { w, g, v, _ in
            OptimizerKernel.momentum(
              w, along: g, velocity: v, count: count, rate: 0.1, momentum: 0.9, nesterov: false,
              decay: 5e-4, scale: 1, factor: 1)
          },
          formula: { w, g, v, _ in
            w - Double(Float(0.1)) * (Double(Float(0.9)) * v + g + Double(Float(5e-4)) * w)
          })
      },
      KernelCase("adagrad \(count)", reads: 3 * count, writes: 2 * count) {
        trial(
          count,
          update: { w, g, v, _ in
            OptimizerKernel.adaGrad(
              w, along: g, squares: v, count: count, rate: 0.1, epsilon: 1e-10, decay: 0,
              scale: 1)
          },
          formula: { w, g, v, _ in
            w - Double(Float(0.1)) * g / ((v + g * g).squareRoot() + 1e-10)
          })
      },
      KernelCase("adamw \(count)", reads: 4 * count, writes: 3 * count) {
        let factors = OptimizerKernel.AdamWFactors(
          keep: 0.999, rate: 0.01, beta1: 0.9, beta2: 0.999, correction2: 0.5, epsilon: 1e-8,
          scale: 1)
        return trial(
          count,
          update: { w, g, m, v in
            OptimizerKernel.adamW(
              w, along: g, means: m, squares: v, count: count, factors: factors)
          },
          formula: { w, g, m, v in
            let square = 0.999 * v + 0.001 * g * g
            return 0.999 * w
              - 0.01 * (0.9 * m + 0.1 * g) / ((square / 0.5).squareRoot() + 1e-8)
          })
      },
    ]
  }

  private typealias Vector = UnsafeMutablePointer<Float>

  /// One update of weights along gradients with two state vectors, which are not negative.
  private static func trial(
    _ count: Int, update: @escaping (Vector, UnsafePointer<Float>, Vector, Vector) -> Void,
    formula: @escaping (Double, Double, Double, Double) -> Double
  ) -> KernelTrial {
    let start = Noise.floats(count, 1)
    let g = Floats(Noise.floats(count, 2, spread: 0.01))
    let first = Noise.floats(count, 3, mean: 0.5, spread: 0.4)
    let second = Noise.floats(count, 4, mean: 0.5, spread: 0.4)
    let (w, a, b) = (Floats(start), Floats(first), Floats(second))
    return KernelTrial(run: { update(w.pointer, g.constant, a.pointer, b.pointer) }) {
      update(w.pointer, g.constant, a.pointer, b.pointer)
      let gradients = g.values
      let exact = (0..<count).map {
        formula(
          Double(start[$0]), Double(gradients[$0]), Double(first[$0]), Double(second[$0]))
      }
      return worstError(w.values, exact)
    }
  }
}
