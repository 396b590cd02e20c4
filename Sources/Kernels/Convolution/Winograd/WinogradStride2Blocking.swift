/// How products from `inputs` to `outputs` channels are cut; a function of the shape alone.
struct WinogradStride2Blocking {
  let inputs, outputs: Int
  /// Values in a factor of the products.
  let values: Int
  /// Tiles of a block and output channels of a chunk.
  let tileBlock, channelBlock: Int
  /// Whether all transformed weights are kept from block to block; where they would not stay in
  /// cache, each chunk of them is made, used and dropped.
  let keepsWeights: Bool

  init(inputs: Int, outputs: Int, values: Int) {
    self.inputs = inputs
    self.outputs = outputs
    self.values = values
    keepsWeights = max(inputs, outputs) <= 256
    tileBlock = keepsWeights ? 48 : 64
    channelBlock = min(outputs, keepsWeights ? 128 : 64)
  }

  /// Factors of a product's depth, forward: the input channels.
  var depth: Int { inputs / values }
  /// Factors of the depth of a block for the gradient of the weights: its tiles.
  var tileDepth: Int { tileBlock / values }
  /// Floats between tiles and between planes of the factors along the input channels, rows and
  /// planes padded by 16 floats, or the streams of 81 planes would fall into the same cache set.
  var inputStride: Int { depth + 16 }
  var inputPlane: Int { tileBlock * inputStride + 16 }
  /// The same for factors along the tiles.
  var tileStride: Int { inputs + 16 }
  var tilePlane: Int { tileDepth * tileStride + 16 }
  /// The same for a chunk's products.
  var productStride: Int { channelBlock + 16 }
  var productPlane: Int { tileBlock * productStride + 16 }
  /// Floats between the planes of a chunk's weights, panels [channelBlock/16][depth][16].
  var weightPlane: Int { depth * channelBlock + 16 }
  /// The same for the output gradient, panels [K/16][tileDepth][16].
  var gradientPlane: Int { tileDepth * outputs + 16 }
  /// The same for the gradient of a chunk's weights, rows [C][channelBlock + 16].
  var weightGradientPlane: Int { inputs * productStride + 16 }

  private var chunks: Int { (outputs + channelBlock - 1) / channelBlock }
  var chunksKept: Int { keepsWeights ? chunks : 1 }
  /// Where a chunk of `count` floats lies.
  func place(_ chunk: Int, of count: Int) -> Int { keepsWeights ? chunk * count : 0 }
  /// Whether chunks are made anew in this block.
  func makes(in block: Range<Int>) -> Bool { !keepsWeights || block.lowerBound == 0 }

  @inline(__always)
  func forEachBlock(_ tiles: Int, _ body: (Range<Int>) -> Void) {
    for first in stride(from: 0, to: tiles, by: tileBlock) {
      body(first..<min(first + tileBlock, tiles))
    }
  }

  @inline(__always)
  func forEachChunk(_ body: (_ chunk: Int, _ channels: Range<Int>) -> Void) {
    for chunk in 0..<chunks {
      body(chunk, chunk * channelBlock..<min((chunk + 1) * channelBlock, outputs))
    }
  }
}

/// Where the operations keep what lies between their steps: 81 planes of windows and 81 of products
/// or gradients, 36 planes of a chunk's weights or of their gradients.
extension WinogradStride2Blocking {
  struct ForwardPlaces {
    let work, sums, windows, products, factors: MutableFloats

    init(_ cut: WinogradStride2Blocking, _ scratch: inout Scratch) {
      work = scratch.floats(WinogradStride2Tiles.workCount)
      sums = scratch.floats(2 * cut.productStride)
      windows = scratch.floats(81 * cut.inputPlane)
      products = scratch.floats(81 * cut.productPlane)
      factors = scratch.floats(cut.chunksKept * 36 * cut.weightPlane)
    }
  }

  struct BackwardInputPlaces {
    let work, gradients, windows, transposed, factors: MutableFloats

    init(_ cut: WinogradStride2Blocking, _ scratch: inout Scratch) {
      work = scratch.floats(WinogradStride2Tiles.workCount)
      gradients = scratch.floats(81 * cut.inputPlane)
      windows = scratch.floats(81 * cut.productPlane)
      transposed = scratch.floats(9 * cut.channelBlock * cut.inputs)
      factors = scratch.floats(cut.chunksKept * 36 * cut.weightPlane)
    }
  }

  struct BackwardWeightsPlaces {
    let work, windows, gradients, sums: MutableFloats

    init(_ cut: WinogradStride2Blocking, _ scratch: inout Scratch) {
      work = scratch.floats(WinogradStride2Tiles.workCount)
      windows = scratch.floats(81 * cut.tilePlane)
      gradients = scratch.floats(81 * cut.gradientPlane)
      sums = scratch.floats(cut.chunksKept * 36 * cut.weightGradientPlane)
    }
  }
}
