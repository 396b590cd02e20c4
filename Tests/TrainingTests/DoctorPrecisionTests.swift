import Foundation
import Kernels
import Preflight
import RunSupport
import Testing
import TestSupport

/// Which precision `doctor` recommends, and that it has measured both.
@Suite struct DoctorPrecisionTests {
  private static func report(_ precision: Precision, ranks: Int = 1) throws -> DoctorReport {
    let configuration = SmallRun.configuration {
      $0.threads = 1
      $0.precision = precision
    }
    var request = DoctorRequest(configuration: configuration, folder: NSTemporaryDirectory())
    request.largestSum = 1 << 10
    request.spanSeconds = 0.1
    let texts = try ThreadCommunicator.run(size: ranks) { [request] communicator in
      try request.answer(asJSON: true, over: communicator)
    }
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return try decoder.decode(DoctorReport.self, from: Data(texts[0].joined().utf8))
  }

  @Test(arguments: Precision.allCases)
  func theFasterPrecisionIsRecommended(precision: Precision) throws {
    var report = try Self.report(precision, ranks: 2)
    let other = precision.other.rawValue
    #expect(report.precision == precision.rawValue)
    for rank in report.ranks {
      #expect(rank.otherImageSeconds > 0 && rank.otherImageSeconds != rank.imageSeconds)
      #expect(rank.wayOfPairs == Precision.wayOfPairs)
    }
    let advice = "--precision \(other) computes images 2.00 times as fast on these ranks"
    // The slowest rank of each decides.
    report.ranks[0].imageSeconds = 0.1
    report.ranks[1].imageSeconds = 0.5
    report.ranks[0].otherImageSeconds = 0.25
    report.ranks[1].otherImageSeconds = 0.125
    report.ranks[1].wayOfPairs = "by hand"
    #expect(report.findings.contains { $0.hasPrefix(advice) })
    #expect(report.lines.contains { $0.hasPrefix("look: \(advice)") })
    let line = try #require(report.lines.first { $0.hasPrefix("precision: ") })
    #expect(
      line.contains(
        "\(precision.rawValue) 2.0 images/s a thread, as the job has it, "
          + "\(other) 4.0 images/s a thread; bf16 in convolutions "))
    #expect(line.contains(Precision.wayOfPairs) && line.contains("by hand"))
    // What is as fast, or slower, is no advice.
    for seconds in [0.48, 0.5, 1] {
      report.ranks[0].otherImageSeconds = seconds
      #expect(!report.findings.contains { $0.contains("--precision") })
    }
  }
}
