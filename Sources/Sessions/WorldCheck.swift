package import Collectives
internal import Determinism
private import Foundation

/// What every rank must have in common with its peers, compared once at the start.
package struct WorldCheck: Sendable {
  /// What is not the same on all ranks.
  package enum Failure: Error, CustomStringConvertible {
    case different(what: String, groups: String)

    package var description: String {
      switch self {
      case .different(let what, let groups):
        "ranks differ in \(what): \(groups); start all of them with the same binary, options, data "
          + "and libraries"
      }
    }
  }

  /// The processor's model name, from /proc/cpuinfo.
  package static let processor: String = {
    let text = FileManager.default.contents(atPath: "/proc/cpuinfo") ?? Data()
    for line in String(decoding: text.prefix(8192), as: UTF8.self).split(separator: "\n")
    where line.hasPrefix("model name") {
      return line.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) } ?? ""
    }
    return "unknown"
  }()

  /// A hash of the program's own file.
  package static let program: String =
    (try? Data(contentsOf: URL(fileURLWithPath: "/proc/self/exe"), options: .alwaysMapped))
    .map { data in data.withUnsafeBytes { Hash64.text(Hash64.of($0)) } } ?? "unknown"

  /// Compares configuration, data and program over all ranks; throws `Failure` naming ranks and
  /// hosts where they differ.
  ///
  /// `sampleFingerprint` is a hash of some photos' lengths and bytes, which are read on each rank;
  /// `pixels` is one of what a rank decodes a photo to.
  package static func run(
    configuration: String, dataFingerprint: UInt64, sampleFingerprint: UInt64 = 0,
    pixels: UInt64, communicator: any Communicator
  ) throws {
    guard communicator.size > 1 else { return }
    let own = [
      communicator.hostName, program, Hash64.text(Hash64.of(configuration)),
      Hash64.text(dataFingerprint), Hash64.text(sampleFingerprint), Hash64.text(pixels),
    ]
    let all = try communicator.allGather(value: own)
    for (field, what) in [
      (1, "the program"), (2, "the configuration"), (3, "the data"),
      (4, "the bytes of their photos"), (5, "the pixels that libjpeg decodes a photo to"),
    ]
    where Set(all.map { $0[field] }).count > 1 {
      var groups = groups(all, by: field)
      if field == 2, let lines = try differences(configuration, over: communicator) {
        groups += " (\(lines))"
      }
      throw Failure.different(what: what, groups: groups)
    }
  }

  /// Configurations longer than this are no options.
  private static let longestConfiguration = 1 << 16

  /// The first lines in which rank 0 and the first rank that differs from it differ; nil where they
  /// are no lines. A collective.
  private static func differences(
    _ configuration: String, over communicator: any Communicator
  ) throws -> String? {
    let isShort = configuration.utf8.count < longestConfiguration
    let texts = try communicator.allGather(value: isShort ? configuration : "")
    let lines = texts.map { $0.split(separator: "\n").count }
    return lines.contains { $0 > 1 } ? differences(texts) : nil
  }

  /// The first lines in which rank 0 and the first rank that differs from it differ; nil where none
  /// does.
  static func differences(_ texts: [String]) -> String? {
    guard let rank = texts.firstIndex(where: { $0 != texts[0] }) else { return nil }
    let (one, other) = (texts[0].split(separator: "\n"), texts[rank].split(separator: "\n"))
    func only(_ lines: [Substring], not others: [Substring]) -> String {
      let known = Set(others)
      let found = lines.filter { !known.contains($0) }
      guard !found.isEmpty else { return "nothing in its place" }
      return found.prefix(3).joined(separator: ", ") + (found.count > 3 ? ", ..." : "")
    }
    return "rank 0 has \(only(one, not: other)); rank \(rank) has \(only(other, not: one))"
  }

  /// Who has which value of number `field` of `all`, the fields of each rank, its host the first.
  package static func groups(_ all: [[String]], by field: Int) -> String {
    var order: [String] = []
    var members: [String: [String]] = [:]
    for (rank, fields) in all.enumerated() {
      if members[fields[field]] == nil { order.append(fields[field]) }
      members[fields[field], default: []].append("\(rank) on \(fields[0])")
    }
    return order.map { value in
      let ranks = members[value]!
      let shown = ranks.prefix(4).joined(separator: ", ") + (ranks.count > 4 ? ", ..." : "")
      return "rank \(shown)"
    }.joined(separator: " | ")
  }
}
