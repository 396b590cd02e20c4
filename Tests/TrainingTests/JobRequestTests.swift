import Configuration
import Sessions
import Testing
import TestSupport

@Suite struct JobRequestTests {
  /// The ranks that each rank is told to ask for the same, where rank r asks for `request(r)`, or
  /// what is wrong.
  private func outcome(
    ranks: Int = 3, _ request: @escaping @Sendable (Int) -> JobRequest
  ) -> String {
    do {
      let all = try ThreadCommunicator.run(size: ranks) { communicator in
        try request(communicator.rank).agree(over: communicator)
      }
      return all.map { "\($0)" }.joined(separator: " ")
    } catch {
      return "\(error)"
    }
  }

  @Test func commandsThatDifferAreNamed() {
    let text = outcome { rank in
      JobRequest(together: rank == 2 ? "evaluate" : "train", lines: ["lr: 0.1"])
    }
    #expect(
      text.contains("ranks differ in the command: rank 0 on thread-host, 1 on thread-host | rank 2")
    )
    #expect(text.contains("(rank 0 has train; rank 2 has evaluate)"), "\(text)")
  }

  @Test func oneThatTrainsBesideOneThatChecksIsNamed() {
    let text = outcome { rank in
      rank == 0
        ? JobRequest(together: "train", lines: [])
        : JobRequest(alone: "check", words: [], in: "/")
    }
    #expect(text.contains("(rank 0 has train; rank 1 has check)"), "\(text)")
  }

  @Test func aDryRunBesideARunIsNamed() throws {
    let requests = try [false, true].map { isDry in
      try RunRequest(file: nil, flags: isDry ? [.flag(\.dryRun, true)] : []).commonLines
    }
    let text = outcome { JobRequest(together: "train", lines: requests[$0 == 1 ? 1 : 0]) }
    #expect(text.contains("(rank 0 has dry-run: false; rank 1 has dry-run: true)"), "\(text)")
  }

  @Test func resumedBesideFreshIsNamed() throws {
    let requests = try [[], [.flag(\.resume, .auto), .flag(\.out, "run")]].map {
      (flags: [ConfigurationAssignment]) in
      try RunRequest(file: nil, flags: flags).commonLines
    }
    let text = outcome { JobRequest(together: "train", lines: requests[$0 == 1 ? 1 : 0]) }
    #expect(text.contains("(rank 0 has resume: none; rank 1 has resume: auto)"), "\(text)")
  }

  @Test func foldersAndThreadsMayDiffer() {
    let text = outcome { rank in
      JobRequest(
        together: "embed",
        words: ["/host\(rank)/run", "--threads", "\(rank + 1)", "--out", "e.npy"])
    }
    #expect(text == "[0, 1, 2] [0, 1, 2] [0, 1, 2]")
  }

  @Test func wordsThatDifferAreNamed() {
    let text = outcome { rank in
      JobRequest(
        together: "embed", words: ["run"] + (rank == 1 ? ["--threads=2", "--flip-test"] : []))
    }
    #expect(
      text.contains("(rank 0 has nothing in its place; rank 1 has --flip-test)"), "\(text)")
  }

  @Test func workOfOneIsDoneByTheFirstWhoAsksForIt() {
    let text = outcome { rank in
      JobRequest(alone: "pack", words: [rank == 0 ? "a" : "b"], in: "/data")
    }
    #expect(text == "[0] [1, 2] [1, 2]")
    let folders = outcome { JobRequest(alone: "pack", words: ["a"], in: "/data/\($0)") }
    #expect(folders == "[0] [1] [2]")
  }
}
