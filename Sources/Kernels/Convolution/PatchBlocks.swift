/// The blocks of patches that `Im2ColConvolution` and `Im2ColPairConvolution` multiply, small
/// enough for the cache.
enum PatchBlocks {
  /// Patches of a block, an even number; a function of the shape alone.
  @inline(__always)
  static func pixels(_ shape: ConvolutionShape) -> Int { shape.patchCount >= 4096 ? 192 : 96 }

  /// Floats between rows of a matrix of `count` columns: an odd multiple of 16, so that rows do not
  /// share cache sets.
  @inline(__always)
  static func stride(_ count: Int) -> Int { (count.roundedUp(to: 16) / 16 | 1) * 16 }

  /// Calls `body` with the output pixels of each block of `rows` images.
  @inline(__always)
  static func forEach(_ shape: ConvolutionShape, rows: Int, _ body: (Range<Int>) -> Void) {
    let (block, pixels) = (pixels(shape), rows * shape.outputPixels)
    var first = 0
    while first < pixels {
      body(first..<min(first + block, pixels))
      first += block
    }
  }

  /// The patches of a block and the floats between them: in place, or gathered into `matrix`.
  @inline(__always)
  static func patches(
    _ input: Floats, _ shape: ConvolutionShape, _ pixels: Range<Int>, _ matrix: MutableFloats
  ) -> (Floats, Int) {
    if shape.isPointwise {
      return (input + pixels.lowerBound * shape.inputChannels, shape.inputChannels)
    }
    let stride = stride(shape.patchCount)
    Im2Col.gather(input, shape, pixels: pixels, into: matrix, stride: stride)
    return (Floats(matrix), stride)
  }
}
