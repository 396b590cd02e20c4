import Foundation
import Testing

@testable import ddp_train

/// What the environment says to the program.
@Suite struct EnvironmentTests {
  @Test func variablesThatNobodyReadsAreNamedWithTheNearest() {
    let found = EnvironmentVariables.complaints([
      "DDP_TRAIN_HEARTBEATS": "0", "DDP_TRAIN_XYZZY": "1", "PATH": "/bin", "DDP_TRAIN_RANKS": "4",
    ])
    #expect(found.count == 2)
    #expect(
      found.first
        == "nobody reads DDP_TRAIN_HEARTBEATS of the environment; did you mean DDP_TRAIN_HEARTBEAT?"
    )
    #expect(found.last == "nobody reads DDP_TRAIN_XYZZY of the environment")
  }

  /// A variable that the program itself reads, or its documents name, is nobody's mistake.
  @Test func everyVariableOfTheTreeIsKnown() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().path
    var found: Set<Substring> = []
    for folder in ["Sources", "Tests", "scripts", "cluster", "docs"] {
      for name in try FileManager.default.subpathsOfDirectory(atPath: "\(root)/\(folder)")
      // These two name variables that nobody reads.
      where !name.hasSuffix("EnvironmentTests.swift") && name != "test-commands" {
        guard let text = try? String(contentsOfFile: "\(root)/\(folder)/\(name)", encoding: .utf8)
        else { continue }
        // What is only a part of a name, as in messages, ends in a stroke or a star.
        found.formUnion(text.matches(of: /DDP_TRAIN_[A-Z0-9_]*[A-Z0-9](?![A-Z0-9_*])/).map(\.0))
      }
    }
    #expect(found.contains("DDP_TRAIN_BF16") && found.count > 10)
    let values = found.map { (String($0), "1") }
    #expect(EnvironmentVariables.complaints(Dictionary(values) { one, _ in one }) == [])
  }

  @Test func switchesAreZeroOrOne() {
    #expect(
      EnvironmentVariables.complaints(["DDP_TRAIN_AVX512": "off"])
        == ["DDP_TRAIN_AVX512 is 'off'; give 0 or 1"])
    for value in ["", "0", "1"] {
      #expect(EnvironmentVariables.complaints(["DDP_TRAIN_HEARTBEAT": value]).isEmpty)
    }
    func isOn(_ value: String?) -> Bool {
      EnvironmentVariables.isOn("S", in: value.map { ["S": $0] } ?? [:], unset: false)
    }
    #expect(isOn("1") && !isOn("0") && !isOn("") && !isOn(nil))
  }

  /// A process that a launcher has started alone, or one of tasks that know nothing of each other,
  /// speaks: nobody else would.
  @Test(
    arguments: [
      (["OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "2"], 1),
      (["OMPI_COMM_WORLD_RANK": "1"], nil), (["OMPI_COMM_WORLD_SIZE": "2"], nil),
      (["PMI_RANK": "3", "PMI_SIZE": "4"], 3), (["PMI_RANK": "0", "PMI_SIZE": "1"], nil),
      (["PMIX_RANK": "2", "PMIX_NAMESPACE": "job"], 2), (["PMIX_RANK": "2"], nil),
      (["SLURM_PROCID": "5", "SLURM_NTASKS": "8"], nil), ([:], nil),
    ] as [([String: String], Int?)])
  func aRankIsOneAmongSeveral(environment: [String: String], rank: Int?) {
    #expect(LaunchedRank.rank(in: environment) == rank)
  }
}
