/// The transforms of 3x3 weights in the order [K/16][C][9][16], 16 output channels at a time.
package enum WinogradWeights {
  /// Floats of scratch that a transform takes, in registers of any width: three rows of six
  /// factors, and 36 of the input channel with which this one is a pair.
  package static var workCount: Int { (3 * 6 + 36) * 16 }

  /// Floats of a panel's nine taps of one input channel.
  @inline(__always) private static var lineCount: Int { 9 * 16 }
  /// Floats between the rows of factors in scratch.
  @inline(__always) private static var line: Int { 6 &* Vector.width }

  /// Writes U = G g G^T as [36][panels][C/values][16] of factors along the input channels,
  /// `planeStride` floats between planes, from whole panels of weights; `work` is scratch of
  /// `workCount` floats.
  @inline(never)
  package static func transform(
    _ weights: UnsafePointer<Float>, panels: Int, inputChannels: Int,
    into planes: UnsafeMutablePointer<Float>, planeStride: Int,
    work: UnsafeMutablePointer<Float>
  ) {
    for row in 0..<panels * inputChannels / Factor.values {
      // All of a 64-byte line together.
      for part in stride(from: 0, to: 16, by: Vector.width) {
        WinogradPairs.write(
          to: planes + row * 16 + part, planeStride: planeStride, isPair: true,
          held: work + 3 &* line
        ) { isOdd, put in
          let source = weights + (row * Factor.values + (isOdd ? 1 : 0)) * lineCount + part
          for j in 0..<3 {
            let column = Winograd.weight((source + j * 16).three(stride: 48))
            (work + j &* line).store(column, stride: Vector.width)
          }
          for i in 0..<6 {
            put(i, Winograd.weight(Floats(work + i &* Vector.width).three(stride: line)))
          }
        }
      }
    }
  }

  /// Writes the gradient G^T du G of whole panels of weights, from du [36][C][stride] whose first
  /// columns are their output channels.
  @inline(never)
  package static func transformGradient(
    _ planes: UnsafePointer<Float>, planeStride: Int, stride: Int, panels: Int,
    inputChannels: Int, into weightGradient: UnsafeMutablePointer<Float>,
    work: UnsafeMutablePointer<Float>
  ) {
    for panel in 0..<panels {
      for c in 0..<inputChannels {
        for part in Swift.stride(from: 0, to: 16, by: Vector.width) {
          let source = planes + (c * stride + panel * 16 + part)
          for j in 0..<6 {
            let column = Winograd.weightAdjoint(
              (source + j * planeStride).six(stride: 6 * planeStride))
            let q = work + j &* Vector.width
            q[vector: 0] = column.0
            q[vector: line] = column.1
            q[vector: 2 &* line] = column.2
          }
          let target = weightGradient + (panel * inputChannels + c) * lineCount + part
          for i in 0..<3 {
            let row = Winograd.weightAdjoint(Floats(work + i &* line).six(stride: Vector.width))
            target[vector: i * 48] = row.0
            target[vector: i * 48 + 16] = row.1
            target[vector: i * 48 + 32] = row.2
          }
        }
      }
    }
  }
}
