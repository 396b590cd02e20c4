/// How a product of `tiles` tiles from `inputs` to `outputs` channels is cut; a function of these
/// three numbers alone, so the sums never depend on the size of the arena.
struct WinogradBlocking {
  let inputs, outputs, tiles: Int
  /// Values in a factor of the products.
  let values: Int
  /// Tiles of a block and output channels of a chunk.
  let tileBlock, channelBlock: Int

  init(inputs: Int, outputs: Int, tiles: Int, values: Int) {
    self.inputs = inputs
    self.outputs = outputs
    self.tiles = tiles
    self.values = values
    if max(inputs, outputs) <= 128 {
      tileBlock = min(48, tiles)
      channelBlock = min(outputs, max(64, min(inputs, outputs))).roundedUp(to: 16)
    } else if tiles <= 128 {
      // One block: each chunk of transformed weights is made, used and dropped.
      tileBlock = tiles
      channelBlock = 32
    } else {
      tileBlock = 96
      channelBlock = min(inputs, outputs, 256).roundedUp(to: 16)
    }
  }

  var isOneBlock: Bool { tiles <= tileBlock }
  var chunks: Int { (outputs + channelBlock - 1) / channelBlock }
  /// Factors of a product's depth, forward: the input channels.
  var depth: Int { inputs / values }
  /// Factors of the depth of a block for the gradient of the weights: its tiles.
  var tileDepth: Int { (tileBlock + values - 1) / values }
  /// Floats between tiles and between planes of the transformed input. Rows and planes are padded
  /// by 16 floats, or the 36 streams would fall into the same cache set.
  var inputStride: Int { depth + 16 }
  var inputPlane: Int { (tileBlock * inputStride + 16).roundedUp(to: 16) }
  /// The same where factors go along the tiles.
  var tileStride: Int { inputs + 16 }
  var tilePlane: Int { (tileDepth * tileStride + 16).roundedUp(to: 16) }
  /// The same for the products of a chunk.
  var productStride: Int { channelBlock + 16 }
  var productPlane: Int { tileBlock * productStride + 16 }
  /// Floats between planes of a chunk of transformed weights, as panels.
  var weightPlane: Int { depth * channelBlock + 16 }
  /// The same for the output gradient, panels [K/16][tileDepth][16].
  var gradientPlane: Int { outputs * tileDepth + 16 }
  /// The same for the gradient of the transformed weights, rows [C][channelBlock + 16].
  var weightGradientPlane: Int { inputs * productStride + 16 }

  var chunksKept: Int { isOneBlock ? 1 : chunks }
  /// Weights of one chunk, rotated for the input gradient.
  var rotatedCount: Int { channelBlock * inputs * 9 }
}

/// Where an operation keeps what lies between its steps: what one tile needs between the two passes
/// of a transform, a row of zeros of `width` pixels, and 36 planes each of transformed inputs, of
/// products or transformed gradients, and of transformed weights or their gradients.
struct WinogradPlaces {
  let work, zeros, inputs, products, weights: MutableFloats
  let zerosCount: Int

  private init(
    _ cut: WinogradBlocking, width: Int, inputPlane: Int, productPlane: Int, weightPlane: Int,
    in scratch: inout Scratch
  ) {
    zerosCount = width * cut.inputs
    work = scratch.floats(max(WinogradTiles.workCount, WinogradWeights.workCount))
    zeros = scratch.floats(zerosCount)
    inputs = scratch.floats(36 * inputPlane)
    products = scratch.floats(36 * productPlane)
    weights = scratch.floats(cut.chunksKept * 36 * weightPlane)
  }

  /// For a convolution of images of `width` pixels.
  static func convolution(
    _ cut: WinogradBlocking, width: Int, _ scratch: inout Scratch
  ) -> WinogradPlaces {
    WinogradPlaces(
      cut, width: width, inputPlane: cut.inputPlane, productPlane: cut.productPlane,
      weightPlane: cut.weightPlane, in: &scratch)
  }

  /// For the gradient of the weights.
  static func backwardWeights(
    _ cut: WinogradBlocking, width: Int, _ scratch: inout Scratch
  ) -> WinogradPlaces {
    WinogradPlaces(
      cut, width: width, inputPlane: cut.tilePlane, productPlane: cut.gradientPlane,
      weightPlane: cut.weightGradientPlane, in: &scratch)
  }
}
