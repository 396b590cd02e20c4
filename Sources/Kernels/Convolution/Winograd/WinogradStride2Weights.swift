/// The transforms of 3x3 weights in the order [K/16][C][9][16] for convolutions of stride 2.
enum WinogradStride2Weights {
  /// Writes the factors as [36][panels][C][16], `planeStride` floats between planes, from whole
  /// panels of weights; `work` is scratch of
  /// `WinogradWeights.workCount` floats.
  @inline(never)
  static func transform(
    _ weights: Floats, panels: Int, inputChannels: Int, into planes: MutableFloats,
    planeStride: Int, work: MutableFloats
  ) {
    for line in 0..<panels * inputChannels {
      for half in stride(from: 0, to: 16, by: 8) {
        let source = weights + line * WinogradWeights.lineCount + half
        for j in 0..<3 {
          let column = WinogradStride2.weight((source + j * 16).three(stride: 48))
          (work + j * 48).store(column, stride: 8)
        }
        let target = planes + line * 16 + half
        for i in 0..<6 {
          let factors = WinogradStride2.weight(Floats(work + i * 8).three(stride: 48))
          (target + i * 6 * planeStride).store(factors, stride: planeStride)
        }
      }
    }
  }

  /// Writes, or adds, the gradient of whole panels of weights from that of the factors,
  /// [36][C][stride].
  @inline(never)
  static func transformGradient(
    _ planes: Floats, planeStride: Int, stride: Int, panels: Int, inputChannels: Int,
    into weightGradient: MutableFloats, adding: Bool, work: MutableFloats
  ) {
    @inline(__always) func put(_ value: Vector8, _ target: MutableFloats) {
      target[vector: 0] = adding ? target[vector: 0] + value : value
    }
    for panel in 0..<panels {
      for c in 0..<inputChannels {
        for half in Swift.stride(from: 0, to: 16, by: 8) {
          let source = planes + (c * stride + panel * 16 + half)
          for j in 0..<6 {
            let column = WinogradStride2.weightAdjoint(
              (source + j * planeStride).six(stride: 6 * planeStride))
            work[vector: j * 8] = column.0
            work[vector: 48 + j * 8] = column.1
            work[vector: 96 + j * 8] = column.2
          }
          let target =
            weightGradient + (panel * inputChannels + c) * WinogradWeights.lineCount + half
          for i in 0..<3 {
            let row = WinogradStride2.weightAdjoint(Floats(work + i * 48).six(stride: 8))
            put(row.0, target + i * 48)
            put(row.1, target + (i * 48 + 16))
            put(row.2, target + (i * 48 + 32))
          }
        }
      }
    }
  }
}
