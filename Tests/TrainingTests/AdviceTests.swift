import CheckpointParts
import Checkpoints
import Collectives
import Configuration
import Evaluation
import Foundation
import Interchange
import Measuring
import Planning
import RunSupport
import Sweeps
import Testing
import Training

/// What a message tells to do does what it says, and what is promised to be kept is kept.
@Suite struct AdviceTests {
  private static let small = FlaggedRun.small.merging(["steps": "4", "checkpoint-every": "0"]) {
    $1
  }

  /// A head's rate of its own would leap to its first value where the advice left it out.
  @Test(arguments: ["0.1", "0.2", nil])
  func theRateThatIsToldIsThatOfTheHeadToo(head: String?) throws {
    try FlaggedRun.withFolder { folder in
      var flags = Self.small.merging(["schedule": "cosine", "lr": "0.1"]) { $1 }
      flags["lr-head"] = head
      try FlaggedRun.train(flags, in: folder)
      try FlaggedRun.train(["resume": "auto", "steps": "7"], in: folder)
      let line = try #require(
        FlaggedRun.log(folder).first { $0.contains("to go on at") })
      let advice = line.components(separatedBy: "--change ").dropFirst()
        .map { $0.trimmingCharacters(in: .whitespaces) }
      #expect(advice.contains { $0.hasPrefix("lr-head=") } == (head != nil), "\(line)")
      try FlaggedRun.train(["resume": "auto", "steps": "9"], changes: advice, in: folder)
      let written = try TextFile.lines(of: folder + "/metrics.jsonl")
      let ratio = try written.suffix(2).map { line in
        let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
        let rates = ["lr", "lr_head"].map { object?[$0] as? Double ?? .nan }
        return rates[1] / rates[0]
      }
      let expected = head == "0.2" ? 2.0 : 1
      #expect(ratio.allSatisfy { abs($0 - expected) < 1e-3 }, "\(ratio)")
    }
  }

  @Test(arguments: ["exact", "fp32", "bf16"])
  func weightsThatDependOnRanksAndShardingAreSaidToDoSo(reduce: String) throws {
    try FlaggedRun.withFolder { folder in
      let flags = Self.small.merging(["reduce": reduce, "shard-optimizer": "true"]) { $1 }
      try FlaggedRun.train(flags, in: folder)
      let said = try FlaggedRun.log(folder).filter {
        $0.contains("the weights depend on the number of ranks, on --shard-optimizer")
      }
      #expect(said.count == (reduce == "exact" ? 0 : 1), "\(said)")
    }
  }

  /// A job that is stopped and started again and again does not fill its quota.
  @Test func keepHoldsForARunThatIsToldToStop() throws {
    try FlaggedRun.withFolder { folder in
      var flags = Self.small.merging(["keep": "1", "steps": "9"]) { $1 }
      for end in [2, 4, 6] {
        let found = try FlaggedRun.train(flags, in: folder) { hooks, _ in
          let stop = TestStop()
          hooks.stop = stop
          hooks.onStep = { if $1.step == end { stop.wantsEnd = true } }
        }
        #expect(found.ending == .interrupted)
        let files = try SmallRun.checkpoints(in: folder)
        #expect(files.count == 1 && files[0].hasSuffix("step-00000000\(end).safetensors"))
        flags["resume"] = "auto"
      }
      let last = try FlaggedRun.train(flags, in: folder)
      #expect(last.ending == .finished)
      #expect(try SmallRun.checkpoints(in: folder).count == 1)
    }
  }

  @Test func whatIsTooLargeIsNamedWhereARunDiverges() {
    var configuration = RunConfiguration.demo
    func text(_ change: (inout RunConfiguration) -> Void) -> String {
      configuration = .demo
      change(&configuration)
      return TrainingFailure.diverged(steps: 10, Levers(configuration), checkpoint: "c").description
    }
    #expect(
      text { _ in }.contains(
        "take a lower lr, a lower scale, margin or weight-decay where that is what is large, or, "
          + "where gradients"))
    let plain = text {
      $0.loss = .softmax
      $0.weightDecay = 0
      $0.headLearningRate = 1
    }
    #expect(plain.contains("take a lower lr and lr-head, or, where gradients"), "\(plain)")
    #expect(plain.contains("--resume c --change lr=VALUE --change lr-head=VALUE"), "\(plain)")
  }

  @Test func aSweepOffersNoOptionThatItDoesNotHave() throws {
    try FlaggedRun.withFolder { folder in
      var evaluation = EvaluateRequest(source: .checkpoint(""), quiet: true)
      evaluation.threads = 1
      var request = SweepRequest(.embeddingDimension, evaluation)
      request.values = [32]
      func sweep(batch: Int) throws {
        request.training = SmallRun.configuration {
          $0.length = .steps(2)
          $0.out = folder
          $0.split = .peopleRandom(fraction: 0.67)
          $0.batch = batch
        }
        _ = try request.answer(over: SoloCommunicator()) {
          try TrainingJob.run($0, in: $1) == .finished
        }
      }
      try sweep(batch: 12)
      #expect {
        try sweep(batch: 24)
      } throws: {
        let message = "\($0)"
        return message.contains("holds a run of another course: batch was 12, is 24")
          && !message.contains("--change")
      }
      request.values = [3.5]
      #expect { try sweep(batch: 12) } throws: { "\($0)".hasPrefix("--values 3.5: ") }
      request.values = [1]
      #expect { try sweep(batch: 12) } throws: { "\($0)".hasPrefix("--values 1: ") }
    }
  }

  /// The table's threshold is what an evaluation calls so; that of the folds has a name of its own.
  @Test func theThresholdOfATableIsThatOfAnEvaluation() throws {
    try FlaggedRun.withFolder { folder in
      _ = try SmallRun.train(
        SmallRun.configuration {
          $0.length = .steps(4)
          $0.split = .peopleRandom(fraction: 0.67)
          $0.evaluateEvery = .steps(4)
        }, folder: folder)
      let threshold = try #require(FlaggedRun.newest(folder).progress.threshold?.value)
      var evaluation = EvaluateRequest(source: .checkpoint(folder), quiet: true)
      evaluation.threads = 1
      var request = SweepRequest(.quantization, evaluation)
      request.csv = folder + "/table.csv"
      _ = try request.answer(over: SoloCommunicator()) { _, _ in true }
      let rows = try TextFile.lines(of: request.csv!).map { $0.split(separator: ",") }
      let place = try #require(rows[0].firstIndex(of: "threshold"))
      #expect(rows[0][place + 1] == "fold_threshold")
      #expect(Double(rows[1][place]) == threshold)
    }
  }
}
