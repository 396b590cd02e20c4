package import Networks

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
