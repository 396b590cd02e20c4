package import Configuration
import Datasets
import RunFolders

extension SmallRun {
  /// One start of a run that is stopped and taken up by other worlds: it ends after step `last`, or
  /// amid the one behind it.
  package struct Turn: Sendable {
    package let ranks: Int
    package let threads: Int
    package let last: Int
    package let isAmidStep: Bool

    package init(ranks: Int, threads: Int = 1, until last: Int, amidStep isAmidStep: Bool = false) {
      (self.ranks, self.threads) = (ranks, threads)
      (self.last, self.isAmidStep) = (last, isAmidStep)
    }
  }

  /// Trains in `folder` until `turn` ends; its last rank wants it to, but at the end of the run.
  package static func train(
    _ configuration: RunConfiguration, turn: Turn, folder: String
  ) throws -> [Outcome] {
    let isWhole = configuration.length == .steps(turn.last)
    return try train(
      configuration, ranks: turn.ranks, threads: turn.threads, folder: folder,
      hook: { hooks, rank in
        guard rank == turn.ranks - 1, !isWhole else { return }
        hooks.wantEnd(after: turn.last, amidStep: turn.isAmidStep)
      })
  }

  /// Whether all ranks have ended with `turn`, with the weights that `undisturbed` had then.
  package static func stand(
    _ outcomes: [Outcome], at turn: Turn, as undisturbed: Outcome
  ) -> Bool {
    outcomes.allSatisfy {
      $0.records.last?.step == turn.last
        && $0.records.last?.weightsHash == undisturbed.records[turn.last - 1].weightsHash
    }
  }

  /// A run of 300 people at width 512, which are three blocks of a divided head, that goes on where
  /// it was.
  package static func ofThreeBlocks(
    _ change: (inout RunConfiguration) -> Void = { _ in }
  ) -> RunConfiguration {
    configuration {
      $0.data = .synthetic(SyntheticData(people: 300, photos: 1, size: 16))
      $0.embedding = 512
      $0.length = .steps(8)
      $0.checkpointEvery = .steps(2)
      $0.resume = .auto
      change(&$0)
    }
  }
}
