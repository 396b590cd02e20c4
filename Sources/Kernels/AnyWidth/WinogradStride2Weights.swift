/// The transforms of 3x3 weights in the order [K/16][C][9][16] for convolutions of stride 2.
package enum WinogradStride2Weights {
  /// Floats of a panel's nine taps of one input channel.
  @inline(__always) private static var lineCount: Int { 9 * 16 }
  /// Floats between the rows of factors in scratch.
  @inline(__always) private static var line: Int { 6 &* Vector.width }

  /// Writes the factors as [36][panels][C/values][16], `planeStride` floats between planes, from
  /// whole panels of weights; `work` is scratch of `WinogradWeights.workCount` floats.
  @inline(never)
  package static func transform(
    _ weights: UnsafePointer<Float>, panels: Int, inputChannels: Int,
    into planes: UnsafeMutablePointer<Float>, planeStride: Int,
    work: UnsafeMutablePointer<Float>
  ) {
    for row in 0..<panels * inputChannels / Factor.values {
      for part in stride(from: 0, to: 16, by: Vector.width) {
        WinogradPairs.write(
          to: planes + row * 16 + part, planeStride: planeStride, isPair: true,
          held: work + 3 &* line
        ) { isOdd, put in
          let source = weights + (row * Factor.values + (isOdd ? 1 : 0)) * lineCount + part
          for j in 0..<3 {
            let column = WinogradStride2.weight((source + j * 16).three(stride: 48))
            (work + j &* line).store(column, stride: Vector.width)
          }
          for i in 0..<6 {
            put(i, WinogradStride2.weight(Floats(work + i &* Vector.width).three(stride: line)))
          }
        }
      }
    }
  }

  /// Writes, or adds, the gradient of whole panels of weights from that of the factors,
  /// [36][C][stride].
  @inline(never)
  package static func transformGradient(
    _ planes: UnsafePointer<Float>, planeStride: Int, stride: Int, panels: Int,
    inputChannels: Int, into weightGradient: UnsafeMutablePointer<Float>, adding: Bool,
    work: UnsafeMutablePointer<Float>
  ) {
    @inline(__always) func put(_ value: Vector, _ target: MutableFloats) {
      target[vector: 0] = adding ? target[vector: 0] + value : value
    }
    for panel in 0..<panels {
      for c in 0..<inputChannels {
        for part in Swift.stride(from: 0, to: 16, by: Vector.width) {
          let source = planes + (c * stride + panel * 16 + part)
          for j in 0..<6 {
            let column = WinogradStride2.weightAdjoint(
              (source + j * planeStride).six(stride: 6 * planeStride))
            let q = work + j &* Vector.width
            q[vector: 0] = column.0
            q[vector: line] = column.1
            q[vector: 2 &* line] = column.2
          }
          let target = weightGradient + (panel * inputChannels + c) * lineCount + part
          for i in 0..<3 {
            let row = WinogradStride2.weightAdjoint(
              Floats(work + i &* line).six(stride: Vector.width))
            put(row.0, target + i * 48)
            put(row.1, target + (i * 48 + 16))
            put(row.2, target + (i * 48 + 32))
          }
        }
      }
    }
  }
}
