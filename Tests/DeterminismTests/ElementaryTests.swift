import Determinism
import Foundation
import Testing

/// Our own elementary functions against the C library's, and bit for bit against what they gave
/// when this was written, on whatever processor this runs.
@Suite struct ElementaryTests {
  private let stream = CounterRandom(seed: 7, purpose: .testing)

  /// |actual - expected| in units of the last place of `expected`.
  private func units(_ actual: Double, _ expected: Double) -> Double {
    if actual.bitPattern == expected.bitPattern || actual == expected { return 0 }
    return abs(actual - expected) / expected.ulp
  }

  /// A function, the library's, and intervals: those that training uses it on, and wider ones.
  struct Function: Sendable {
    let name: String
    let own, library: @Sendable (Double) -> Double
    let ranges: [Range<Double>]
  }

  private static let functions = [
    Function(
      name: "exp", own: { Elementary.exp($0) }, library: { Foundation.exp($0) },
      ranges: [-700..<0, -1..<1, -1e-8..<1e-8, 0..<709, -745..<(-700)]),
    Function(
      name: "log", own: { Elementary.log($0) }, library: { Foundation.log($0) },
      ranges: [0..<1, 0.9..<1.1, 1..<1e9, 0..<1e-300, 0..<1e-310]),
    Function(
      name: "log1p", own: { Elementary.log1p($0) }, library: { Foundation.log1p($0) },
      ranges: [0..<1, 0..<1e-9, -0.5..<0.5, 0..<1e12]),
    Function(
      name: "cos", own: { Elementary.cos($0) }, library: { Foundation.cos($0) },
      ranges: [0..<6.2832, -100..<100, 0..<1e-5, 1.57..<1.5716]),
    Function(
      name: "sin", own: { Elementary.sin($0) }, library: { Foundation.sin($0) },
      ranges: [0..<6.2832, -100..<100, 0..<1e-5, 3.14..<3.1432]),
    Function(
      name: "acos", own: { Elementary.acos($0) }, library: { Foundation.acos($0) },
      ranges: [-1..<1, 0.999999..<1, -1..<(-0.9999), -1e-9..<1e-9]),
  ]

  @Test(arguments: functions)
  func functionsAreWithinTwoUnitsOfTheLibrary(_ it: Function) {
    for (place, range) in it.ranges.enumerated() {
      var (worst, at) = (0.0, 0.0)
      for i in 0..<100_000 {
        let x = stream.uniform(i + 1_000_000 * place, in: range)
        let error = units(it.own(x), it.library(x))
        if !(error <= worst) { (worst, at) = (error, x) }
      }
      #expect(
        worst <= (it.name == "acos" ? 2.5 : 1.5),
        "\(it.name)(\(at)) is \(worst) units from the library's")
    }
  }

  @Test func powersAreWithinAUnitAndAHalfOfTheLibrary() {
    for (range, exponents) in [
      (0.0..<1.0, 0.0..<4.0), (0.9..<1.0, 0..<2_000), (0.5..<2.0, -60..<60), (0..<100, -9..<9),
    ] {
      var (worst, at) = (0.0, (0.0, 0.0))
      for i in 0..<50_000 {
        let x = stream.uniform(2 * i, in: range)
        let drawn = stream.uniform(2 * i + 1, in: exponents)
        for y in [drawn, drawn.rounded()] {
          let expected = Foundation.pow(x, y)
          guard expected > 1e-300, expected < 1e300 else { continue }
          let error = units(Elementary.pow(x, y), expected)
          if !(error <= worst) { (worst, at) = (error, (x, y)) }
        }
      }
      #expect(worst <= 1.5, "pow\(at) is \(worst) units from the library's")
    }
  }

  @Test func extremesAreThoseOfTheLibrary() {
    let inputs = [
      0, -0.0, 1, -1, 0.5, 2, .pi, 1e-320, 5e-324, 709.7, 709.9, 800, -745, -746, -1e4, 1e300,
      .infinity, -.infinity, .nan,
    ]
    func agree(_ name: String, _ x: Double, _ a: Double, _ b: Double) {
      #expect(a.isNaN == b.isNaN && (a.isNaN || a == b || units(a, b) <= 1.5), "\(name) of \(x)")
    }
    for x in inputs {
      agree("exp", x, Elementary.exp(x), Foundation.exp(x))
      agree("log", x, Elementary.log(x), Foundation.log(x))
      agree("log1p", x, Elementary.log1p(x), Foundation.log1p(x))
      if abs(x) < 1e6 || !x.isFinite {
        agree("cos", x, Elementary.cos(x), Foundation.cos(x))
        if x != .pi { agree("sin", x, Elementary.sin(x), Foundation.sin(x)) }
      }
      agree("acos", x, Elementary.acos(x), Foundation.acos(x))
      if x > 0 || (x == 0 && x.sign == .plus) {
        for y in [0, 1, -1, 0.5, 2, 1e4, -1e4, .infinity, -.infinity] {
          agree("pow", x, Elementary.pow(x, y), Foundation.pow(x, y))
        }
      }
    }
  }

  /// Additions, multiplications, divisions and roots round the same everywhere: one hash.
  @Test func bitsAreTheSameOnEveryProcessor() {
    var words: [UInt64] = []
    for it in Self.functions {
      for (place, range) in it.ranges.enumerated() {
        for i in 0..<20_000 {
          words.append(it.own(stream.uniform(i + 1_000_000 * place, in: range)).bitPattern)
        }
      }
    }
    for i in 0..<20_000 {
      let (x, y) = (stream.uniform(2 * i), stream.uniform(2 * i + 1, in: -4..<40))
      words.append(Elementary.pow(x, y).bitPattern)
      words.append(Elementary.pow(x, y.rounded()).bitPattern)
      words.append(stream.normal(i).bitPattern)
    }
    #expect(words.withUnsafeBytes { Hash64.text(Hash64.of($0)) } == "9c7309ba87d3011e")
  }
}
