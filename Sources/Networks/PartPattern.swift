/// Parts of a network by name, as `--freeze` and `--lr-scale` have them.
package struct PartPattern: Sendable, Equatable {
  /// A name, such as `layer1`, which means all that begins with `layer1.` too; `*` stands for any
  /// characters.
  package let text: String

  /// The parts that `text` means.
  package init(_ text: String) { self.text = text }

  /// Whether the parameter of that name is meant.
  package func matches(_ name: String) -> Bool {
    let (pattern, name) = (Array(text.utf8), Array(name.utf8))
    return Self.matches(pattern[...], name[...])
  }

  /// Whether `pattern` matches `name`, or what stands before one of its points.
  private static func matches(_ pattern: ArraySlice<UInt8>, _ name: ArraySlice<UInt8>) -> Bool {
    guard let first = pattern.first else { return name.isEmpty || name.first == UInt8(ascii: ".") }
    if first == UInt8(ascii: "*") {
      let rest = pattern.dropFirst()
      return (name.startIndex...name.endIndex).contains { matches(rest, name[$0...]) }
    }
    return name.first == first && matches(pattern.dropFirst(), name.dropFirst())
  }
}
