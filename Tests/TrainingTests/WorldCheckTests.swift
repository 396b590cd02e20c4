import Sessions
import Testing
import TestSupport

@Suite struct WorldCheckTests {
  /// What `WorldCheck` says where rank r has configuration, fingerprints and pixels of `rank(r)`.
  private func complaint(
    ranks: Int,
    _ rank: @escaping @Sendable (Int) -> (text: String, data: UInt64, bytes: UInt64, pixels: UInt64)
  ) -> String {
    do {
      _ = try ThreadCommunicator.run(size: ranks) { communicator in
        let own = rank(communicator.rank)
        try WorldCheck.run(
          configuration: own.text, dataFingerprint: own.data, sampleFingerprint: own.bytes,
          pixels: own.pixels, communicator: communicator)
      }
      return "nothing"
    } catch {
      return "\(error)"
    }
  }

  @Test func ranksThatAgreePass() {
    #expect(complaint(ranks: 3) { _ in ("a", 1, 2, 3) } == "nothing")
  }

  @Test func optionsThatDifferAreNamed() {
    let text = complaint(ranks: 3) { rank in
      ("batch: 8\nlr: \(rank == 2 ? 0.2 : 0.1)\nsteps: 5\n", 1, 2, 3)
    }
    #expect(text.contains("(rank 0 has lr: 0.1; rank 2 has lr: 0.2)"), "\(text)")
  }

  @Test func whatDiffersIsNamedWithItsRanks() {
    let all: [(String, @Sendable (Int) -> (String, UInt64, UInt64, UInt64))] = [
      ("the configuration", { ($0 == 1 ? "b" : "a", 1, 2, 3) }),
      ("the data", { ("a", $0 == 1 ? 9 : 1, 2, 3) }),
      ("the bytes of their photos", { ("a", 1, $0 == 1 ? 9 : 2, 3) }),
      ("the pixels that libjpeg decodes a photo to", { ("a", 1, 2, $0 == 1 ? 9 : 3) }),
    ]
    for (what, rank) in all {
      let text = complaint(ranks: 3, rank)
      let ranks = "rank 0 on thread-host, 2 on thread-host | rank 1 on thread-host"
      #expect(text.contains("ranks differ in \(what): \(ranks)"), "\(text)")
    }
  }
}
