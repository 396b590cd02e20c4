/// How products from `inputs` to `outputs` channels are cut; a function of the shape alone.
struct WinogradStride2Blocking {
  let inputs, outputs: Int
  /// Tiles of a block and output channels of a chunk.
  let tileBlock, channelBlock: Int
  /// Whether all transformed weights are kept from block to block; where they would not stay in
  /// cache, each chunk of them is made, used and dropped.
  let keepsWeights: Bool

  init(inputs: Int, outputs: Int) {
    self.inputs = inputs
    self.outputs = outputs
    keepsWeights = max(inputs, outputs) <= 256
    tileBlock = keepsWeights ? 48 : 64
    channelBlock = min(outputs, keepsWeights ? 128 : 64)
  }

  /// Floats between the planes of a block of tiles with `channels` channels, rows and planes padded
  /// by 16 floats, or the streams of 81 planes would fall into the same cache set.
  func plane(_ channels: Int) -> Int { tileBlock * (channels + 16) + 16 }
  /// Floats between the rows of a chunk's products.
  var productStride: Int { channelBlock + 16 }
  /// Floats between the planes of a chunk's weights, panels [channelBlock/16][C][16].
  var weightPlane: Int { inputs * channelBlock + 16 }
  /// The same for the output gradient, panels [K/16][tileBlock][16].
  var gradientPlane: Int { tileBlock * outputs + 16 }
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
      windows = scratch.floats(81 * cut.plane(cut.inputs))
      products = scratch.floats(81 * cut.plane(cut.channelBlock))
      factors = scratch.floats(cut.chunksKept * 36 * cut.weightPlane)
    }
  }

  struct BackwardInputPlaces {
    let work, gradients, windows, transposed, factors: MutableFloats

    init(_ cut: WinogradStride2Blocking, _ scratch: inout Scratch) {
      work = scratch.floats(WinogradStride2Tiles.workCount)
      gradients = scratch.floats(81 * cut.plane(cut.inputs))
      windows = scratch.floats(81 * cut.plane(cut.channelBlock))
      transposed = scratch.floats(9 * cut.channelBlock * cut.inputs)
      factors = scratch.floats(cut.chunksKept * 36 * cut.weightPlane)
    }
  }

  struct BackwardWeightsPlaces {
    let work, windows, gradients, sums: MutableFloats

    init(_ cut: WinogradStride2Blocking, _ scratch: inout Scratch) {
      work = scratch.floats(WinogradStride2Tiles.workCount)
      windows = scratch.floats(81 * cut.plane(cut.inputs))
      gradients = scratch.floats(81 * cut.gradientPlane)
      sums = scratch.floats(cut.chunksKept * 36 * cut.weightGradientPlane)
    }
  }
}
