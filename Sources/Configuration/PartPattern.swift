/// Parts of a network by name: `--freeze` and `--lr-scale`.
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

/// Parts of a network and the factor of their learning rate: an item of `--lr-scale`.
package struct RateScale: Sendable, Equatable {
  /// The parts.
  package let pattern: PartPattern
  /// What their rate is multiplied by.
  package let factor: Double

  /// The parts that `pattern` means at `factor` times their rate.
  package init(_ pattern: PartPattern, factor: Double) {
    self.pattern = pattern
    self.factor = factor
  }
}

/// What class weights start from: `--head-start`.
package enum HeadStart: String, Sendable, Equatable, CaseIterable {
  /// Random numbers.
  case drawn
  /// The mean embedding of each person, by the first weights of the network.
  case centres
  /// The rows that the first weights come with, by name, and the mean embedding of new people.
  case trained
}

extension ValueForm where Value == [PartPattern] {
  static var patterns: Self {
    Self(
      parse: { word in
        guard word != absent else { return [] }
        return try parts(of: word).map { part in
          guard !part.isEmpty else { throw refuse(word, "names of parts, such as conv1,layer1") }
          return PartPattern(part)
        }
      },
      text: { $0.isEmpty ? absent : $0.map(\.text).joined(separator: ",") })
  }
}

extension ValueForm where Value == [RateScale] {
  static var rateScales: Self {
    let number = ValueForm<Double>.number
    return Self(
      parse: { word in
        guard word != absent else { return [] }
        return try parts(of: word).map { part in
          let pair = part.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
          guard pair.count == 2, !pair[0].isEmpty, let factor = try? number.parse(pair[1]),
            (1e-6...1e6).contains(factor)
          else {
            throw refuse(word, "PATTERN=factor of 1e-6 to 1e6, such as layer1=0.1,layer2=0.5")
          }
          return RateScale(PartPattern(pair[0]), factor: factor)
        }
      },
      text: { scales in
        scales.isEmpty
          ? absent
          : scales.map { "\($0.pattern.text)=\(number.text($0.factor))" }.joined(separator: ",")
      })
  }
}
