/// Copies between images, weights and the matrices of the im2col products.
///
/// A patch is the row of the inputs of one output pixel, in the order [R][S][C], as NHWC has them.
enum Im2Col {
  /// Consecutive output pixels of one row: the first patch's number within the block, how many they
  /// are, and where the first begins in its image (negative within padding).
  private struct Run {
    var patch, count, image, top, left: Int
  }

  /// Calls `body` with the output pixels `pixels` of a batch, row by row.
  @inline(__always)
  private static func forEachRun(
    _ shape: ConvolutionShape, _ pixels: Range<Int>, _ body: (Run) -> Void
  ) {
    let (rows, columns) = (shape.outputHeight, shape.outputWidth)
    var row = pixels.lowerBound / columns
    var x = pixels.lowerBound % columns
    var patch = 0
    while patch < pixels.count {
      let count = min(columns - x, pixels.count - patch)
      body(
        Run(
          patch: patch, count: count, image: row / rows,
          top: row % rows * shape.stride - shape.paddingHeight,
          left: x * shape.stride - shape.paddingWidth))
      patch += count
      row += 1
      x = 0
    }
  }

  /// Columns of the kernel that lie inside the image, for a patch that begins at column `left`.
  @inline(__always)
  private static func insideColumns(_ shape: ConvolutionShape, _ left: Int) -> Range<Int> {
    let low = min(max(0, -left), shape.kernelWidth)
    return low..<max(low, min(shape.kernelWidth, shape.width - left))
  }

  /// Writes the patches of the output pixels `pixels` as rows of `matrix`, `stride` floats apart.
  @inline(never)
  static func gather(
    _ input: Floats, _ shape: ConvolutionShape, pixels: Range<Int>, into matrix: MutableFloats,
    stride: Int
  ) {
    let channels = shape.inputChannels
    let rowCount = shape.kernelWidth * channels
    let step = shape.stride * channels
    let lastWholeLeft = shape.width - shape.kernelWidth
    forEachRun(shape, pixels) { run in
      for r in 0..<shape.kernelHeight {
        let y = run.top + r
        var target = matrix + (run.patch * stride + r * rowCount)
        if y < 0 || y >= shape.height {
          for _ in 0..<run.count {
            target.zero(rowCount)
            target += stride
          }
          continue
        }
        var source =
          input + (run.image * shape.inputCount + (y * shape.width + run.left) * channels)
        var left = run.left
        for _ in 0..<run.count {
          if left >= 0 && left <= lastWholeLeft {
            target.copy(rowCount, from: source)
          } else {
            let inside = insideColumns(shape, left)
            let before = inside.lowerBound * channels
            target.zero(rowCount)
            (target + before).copy(inside.count * channels, from: source + before)
          }
          target += stride
          source += step
          left &+= shape.stride
        }
      }
    }
  }

  /// Adds rows of patch gradients, `stride` floats apart, to the gradient of the input.
  @inline(never)
  static func scatter(
    _ matrix: Floats, stride: Int, _ shape: ConvolutionShape, pixels: Range<Int>,
    addingTo inputGradient: MutableFloats
  ) {
    let channels = shape.inputChannels
    let rowCount = shape.kernelWidth * channels
    let step = shape.stride * channels
    let lastWholeLeft = shape.width - shape.kernelWidth
    forEachRun(shape, pixels) { run in
      for r in 0..<shape.kernelHeight {
        let y = run.top + r
        if y < 0 || y >= shape.height { continue }
        var source = matrix + (run.patch * stride + r * rowCount)
        var target =
          inputGradient + (run.image * shape.inputCount + (y * shape.width + run.left) * channels)
        var left = run.left
        for _ in 0..<run.count {
          if left >= 0 && left <= lastWholeLeft {
            target.add(rowCount, from: source)
          } else {
            let inside = insideColumns(shape, left)
            let before = inside.lowerBound * channels
            (target + before).add(inside.count * channels, from: source + before)
          }
          source += stride
          target += step
          left &+= shape.stride
        }
      }
    }
  }

  /// Panels [ceil(K/16)][R*S*C][16] of the forward product, from weights in the order of the
  /// kernels.
  @inline(never)
  static func packWeights(
    _ weights: Floats, _ shape: ConvolutionShape, into panels: MutableFloats
  ) {
    let (channels, taps, depth) = (shape.inputChannels, shape.taps, shape.patchCount)
    for first in stride(from: 0, to: shape.outputChannels, by: 16) {
      let width = min(16, shape.outputChannels - first)
      let source = weights + first * depth
      let target = panels + first * depth
      for c in 0..<channels {
        for tap in 0..<taps {
          let from = source + (c * taps + tap) * width
          let to = target + (tap * channels + c) * 16
          if width == 16 {
            to[vector: 0] = from[vector: 0]
            to[vector: 8] = from[vector: 8]
          } else {
            for i in 0..<width { to[i] = from[i] }
            for i in width..<16 { to[i] = 0 }
          }
        }
      }
    }
  }

  /// Panels [ceil(R*S*C/16)][K][16] of the input gradient's product: the weights transposed.
  @inline(never)
  static func packTransposedWeights(
    _ weights: Floats, _ shape: ConvolutionShape, into panels: MutableFloats
  ) {
    let (channels, taps, depth) = (shape.inputChannels, shape.taps, shape.patchCount)
    let outputs = shape.outputChannels
    if depth % 16 != 0 {
      let last = depth / 16 * 16 * outputs
      (panels + last).zero(16 * outputs)
    }
    for first in stride(from: 0, to: outputs, by: 16) {
      let width = min(16, outputs - first)
      let source = weights + first * depth
      for tap in 0..<taps {
        var c = 0
        while c < channels {
          let column = tap * channels + c
          let to = panels + column / 16 * 16 * outputs + column % 16 + first * 16
          let from = source + (c * taps + tap) * width
          if channels % 8 == 0 && width % 8 == 0 {
            for half in stride(from: 0, to: width, by: 8) {
              transpose8x8(from + half, taps * width, into: to + half * 16, 16)
            }
            c += 8
          } else {
            for i in 0..<width { to[i * 16] = from[i] }
            c += 1
          }
        }
      }
    }
  }

  /// Panels [ceil(K/16)][count][16] of `count` rows of [K] floats, panels `panelStride` floats
  /// apart.
  @inline(never)
  static func packRows(
    _ rows: Floats, count: Int, columns: Int, into panels: MutableFloats, panelStride: Int
  ) {
    let whole = columns & ~15
    for row in 0..<count {
      let from = rows + row * columns
      let to = panels + row * 16
      for first in stride(from: 0, to: whole, by: 16) {
        let target = to + first / 16 * panelStride
        target[vector: 0] = from[vector: first]
        target[vector: 8] = from[vector: first + 8]
      }
      if whole < columns {
        let target = to + whole / 16 * panelStride
        for i in whole..<columns { target[i - whole] = from[i] }
        for i in columns - whole..<16 { target[i] = 0 }
      }
    }
  }

  /// Weights in the order of the kernels from panels [ceil(K/16)][R*S*C][16].
  @inline(never)
  static func unpackWeights(
    _ panels: Floats, _ shape: ConvolutionShape, into weights: MutableFloats
  ) {
    let (channels, taps, depth) = (shape.inputChannels, shape.taps, shape.patchCount)
    for first in stride(from: 0, to: shape.outputChannels, by: 16) {
      let width = min(16, shape.outputChannels - first)
      let source = panels + first * depth
      let target = weights + first * depth
      for c in 0..<channels {
        for tap in 0..<taps {
          let from = source + (tap * channels + c) * 16
          let to = target + (c * taps + tap) * width
          if width == 16 {
            to[vector: 0] = from[vector: 0]
            to[vector: 8] = from[vector: 8]
          } else {
            for i in 0..<width { to[i] = from[i] }
          }
        }
      }
    }
  }
}
