/// The output tiles of a batch of images: 4x4, and 3 instead of 4 high or wide at the end of a side
/// that 4 does not divide, so that none hangs over it: 14 is 4 + 4 + 3 + 3.
///
/// A side of 3 takes the transforms of 4 and needs fewer products: those that only the fourth
/// output takes are left out. Tiles come in four groups, each image by image, in such an order that
/// the tiles that are 4 high, those that are 4 wide, and those that are both are consecutive.
struct TileGrid: Sendable {
  /// The tiles along one side.
  struct Side: Sendable {
    let length, full, short: Int

    init(_ length: Int) {
      self.length = length
      let count = (length + 3) / 4
      short = min(4 * count - length, count)
      full = count - short
    }

    /// Where a tile begins and how many outputs it has; one that ends beyond the side has fewer.
    @inline(__always)
    func tile(_ index: Int, isFull: Bool) -> (start: Int, count: Int) {
      if isFull { return (4 * index, 4) }
      let start = 4 * full + 3 * index
      return (start, min(3, length - start))
    }
  }

  /// A tile's image, its first output and how many it has.
  struct Place {
    let image, top, left, rows, columns: Int
  }

  private let rows, columns: Side
  /// The first tiles of the second, third and fourth group, and the end.
  private let second, third, fourth: Int
  let count: Int

  /// Tiles of `images` outputs of `height` x `width` pixels.
  init(height: Int, width: Int, images: Int) {
    rows = Side(height)
    columns = Side(width)
    second = images * rows.short * columns.full
    third = second + images * rows.full * columns.full
    fourth = third + images * rows.full * columns.short
    count = fourth + images * rows.short * columns.short
  }

  /// Tiles along both sides of an image, sides of 3 counted as `short` and sides of 4 as `full`:
  /// the products of an image where these are the products along a side.
  static func products(height: Int, width: Int, full: Int, short: Int) -> Int {
    let (rows, columns) = (Side(height), Side(width))
    return (rows.full * full + rows.short * short) * (columns.full * full + columns.short * short)
  }

  /// The tiles that are 4 high, 4 wide, both, or all of them.
  func tiles(fullHeight: Bool, fullWidth: Bool) -> Range<Int> {
    switch (fullHeight, fullWidth) {
    case (true, true): second..<third
    case (true, false): second..<fourth
    case (false, true): 0..<third
    case (false, false): 0..<count
    }
  }

  @inline(__always)
  func place(_ tile: Int) -> Place {
    if tile < second { return place(tile, fullHeight: false, fullWidth: true) }
    if tile < third { return place(tile - second, fullHeight: true, fullWidth: true) }
    if tile < fourth { return place(tile - third, fullHeight: true, fullWidth: false) }
    return place(tile - fourth, fullHeight: false, fullWidth: false)
  }

  @inline(__always)
  private func place(_ index: Int, fullHeight: Bool, fullWidth: Bool) -> Place {
    let across = fullWidth ? columns.full : columns.short
    let perImage = (fullHeight ? rows.full : rows.short) * across
    let inImage = index % perImage
    let row = rows.tile(inImage / across, isFull: fullHeight)
    let column = columns.tile(inImage % across, isFull: fullWidth)
    return Place(
      image: index / perImage, top: row.start, left: column.start, rows: row.count,
      columns: column.count)
  }
}
