private import Foundation

/// Numbers as a reader of the report wants them.
package enum ReportNumber {
  /// About three significant digits: `2.5e-4`, `0.0012`, `3.14`, `12.5k`.
  package static func short(_ value: Double) -> String {
    guard value.isFinite else { return "\(value)" }
    let size = value.magnitude
    if size == 0 { return "0" }
    if size < 9.995e-4 { return trimmed(String(format: "%.2e", value)) }
    if size < 1 {
      return trimmed(String(format: "%.\(2 - Int(log10(size).rounded(.down)))f", value))
    }
    if size < 100 { return trimmed(String(format: "%.\(size < 10 ? 3 : 2)f", value)) }
    if size < 10_000 { return trimmed(String(format: "%.\(size < 1_000 ? 1 : 0)f", value)) }
    if size < 1e6 { return trimmed(String(format: "%.1f", value / 1e3)) + "k" }
    if size < 1e9 { return trimmed(String(format: "%.2f", value / 1e6)) + "M" }
    return trimmed(String(format: "%.2e", value))
  }

  /// A whole number in groups of three.
  package static func grouped(_ value: Int) -> String {
    var digits = String(value.magnitude)
    var groups: [String] = []
    while digits.count > 3 {
      groups.insert(String(digits.suffix(3)), at: 0)
      digits.removeLast(3)
    }
    groups.insert(digits, at: 0)
    return (value < 0 ? "-" : "") + groups.joined(separator: ",")
  }

  /// A duration as `1 h 02 min`, `3 min 20 s`, `4.2 s`, `18 ms`.
  package static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds < 1e9 else { return "\(seconds) s" }
    if seconds < 1 { return "\(Int((seconds * 1000).rounded())) ms" }
    if seconds < 60 { return trimmed(String(format: "%.1f", seconds)) + " s" }
    let whole = Int(seconds.rounded())
    if whole < 3600 { return "\(whole / 60) min \(padded(whole % 60)) s" }
    return "\(whole / 3600) h \(padded(whole % 3600 / 60)) min"
  }

  /// A share of one as a percentage with `digits` after the point.
  package static func percent(_ share: Double, digits: Int = 2) -> String {
    share.isFinite ? String(format: "%.\(digits)f %%", 100 * share) : "\(share)"
  }

  /// A coordinate of a drawing, to a tenth of a pixel.
  package static func coordinate(_ value: Double) -> String {
    trimmed(String(format: "%.1f", value))
  }

  private static func padded(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }

  /// Without zeros that say nothing, before an exponent too.
  private static func trimmed(_ text: String) -> String {
    let parts = text.split(separator: "e", maxSplits: 1)
    var mantissa = String(parts[0])
    if mantissa.contains(".") {
      while mantissa.hasSuffix("0") { mantissa.removeLast() }
      if mantissa.hasSuffix(".") { mantissa.removeLast() }
    }
    if mantissa == "-0" { mantissa = "0" }
    guard parts.count > 1 else { return mantissa }
    return "\(mantissa)e\(Int(parts[1]) ?? 0)"
  }
}
