/// Height and width of a sample in pixels; a whole number is a square.
package struct ImageSize: Hashable, Sendable, ExpressibleByIntegerLiteral, CustomStringConvertible {
  /// In pixels.
  package let height, width: Int

  /// An image of `height` rows of `width` pixels.
  package init(height: Int, width: Int) {
    self.height = height
    self.width = width
  }

  /// A square.
  package init(side: Int) { self.init(height: side, width: side) }

  package init(integerLiteral side: Int) { self.init(side: side) }

  /// Reads `96` or `140x116`, height first; nil for anything else.
  package init?(_ text: String) {
    let sides = text.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
    guard (1...2).contains(sides.count), let height = sides[0], let width = sides[sides.count - 1]
    else { return nil }
    self.init(height: height, width: width)
  }

  /// As `init(_:)` reads it.
  package var description: String { height == width ? "\(height)" : "\(height)x\(width)" }

  /// Pixels in all.
  package var pixels: Int { height * width }
  /// The larger of height and width.
  package var longerSide: Int { max(height, width) }
}
