package import Foundation
internal import Interchange

/// One figure of a benchmark: a time, and what belongs to it.
package struct BenchmarkRow: Codable, Sendable, Equatable {
  /// What was timed; rows of two reports are compared by it.
  package var name: String
  /// The shortest run, in seconds.
  package var bestSeconds: Double
  /// The median run, in seconds: its distance to the best is the noise.
  package var medianSeconds: Double
  /// Anything else by name, with the unit in the name.
  package var figures: [String: Double]

  package init(
    name: String, bestSeconds: Double, medianSeconds: Double, figures: [String: Double] = [:]
  ) {
    self.name = name
    self.bestSeconds = bestSeconds
    self.medianSeconds = medianSeconds
    self.figures = figures
  }

  /// How far the median lies above the best, as a fraction of the best.
  package var noise: Double { bestSeconds > 0 ? max(0, medianSeconds / bestSeconds - 1) : 0 }
}

/// What one call of `ddp-bench` found out.
package struct BenchmarkReport: Codable, Sendable, Equatable {
  /// The subcommand: `kernels`, `step` or `embed`.
  package var kind: String
  /// Processor, libraries and options.
  package var settings: [String: String]
  /// What the machine can do, by name with unit.
  package var machine: [String: Double]
  package var rows: [BenchmarkRow]

  package init(
    kind: String, settings: [String: String] = [:], machine: [String: Double] = [:],
    rows: [BenchmarkRow] = []
  ) {
    self.kind = kind
    self.settings = settings
    self.machine = machine
    self.rows = rows
  }

  /// The report as JSON, its keys in order.
  package func encoded() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(self) + Data("\n".utf8)
  }

  /// Writes the report to `path` as JSON; throws `InterchangeError.unwritable` or `.noSpace`.
  package func write(to path: String) throws {
    try BytesFile.write(Array(encoded()), to: path)
  }

  /// Reads a report; throws `BenchmarkFailure.unreadable`.
  package static func read(_ path: String) throws -> BenchmarkReport {
    do {
      return try JSONDecoder().decode(
        BenchmarkReport.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
    } catch {
      throw BenchmarkFailure.unreadable(path: path, reason: "\(error)")
    }
  }
}

/// Why a benchmark ends without figures.
package enum BenchmarkFailure: Error, CustomStringConvertible {
  case unreadable(path: String, reason: String)
  case nothing(filter: String)
  case wrong(rows: [String])
  case input(String)

  package var description: String {
    switch self {
    case .unreadable(let path, let reason):
      "\(path) is no report of ddp-bench (write one with --json): \(reason)"
    case .nothing(let filter): "no kernel's name contains '\(filter)'; see ddp-bench kernels --list"
    case .wrong(let rows):
      "wrong results, against the reference in Double: \(rows.joined(separator: ", "))"
    case .input(let sentence): sentence
    }
  }
}
