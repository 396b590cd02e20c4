package import Collectives
package import Configuration
internal import Datasets
private import Foundation
internal import Interchange
internal import Measuring
internal import Scoring
package import Sessions

extension SweepRequest {
  /// Makes the table of a sweep: the lines to print, on the first rank, after the CSV that is asked
  /// for is written; nil where a run was told to stop and has more to do.
  ///
  /// `train` trains as a configuration says, in the session that it is lent; it returns false where
  /// it was told to stop before the end.
  package func answer(
    over communicator: any Communicator,
    training train: (RunConfiguration, Session) throws -> Bool
  ) throws -> [String]? {
    try checkFiles()
    let session = try Session.start(
      communicator: communicator, threads: evaluation.threads ?? training?.threads,
      quiet: evaluation.quiet)
    guard let table = try table(session, training: train) else { return nil }
    guard communicator.rank == 0 else { return [] }
    if let path = csv { try TextFile.write(table.csv, to: path) }
    return table.lines
  }

  /// Throws `CommandFiles.Conflict` where the table would cost a file, and `SweepError` where the
  /// runs would write over each other's timeline.
  private func checkFiles() throws {
    try CommandFiles.check { files in
      if case .checkpoint(let path) = evaluation.source, !kind.trains {
        files.read(path, as: "CHECKPOINT")
      }
      files.read(other, as: "--with")
      files.readData(evaluation.data, as: "--data")
      for path in evaluation.pairs { files.read(path, as: "--pairs") }
      files.read(evaluation.landmarks, as: "--landmarks")
      if let training {
        guard training.timeline == nil else { throw SweepError.sharedTimeline }
        files.read(configurationFile, as: "--config")
        files.read(training)
        files.make(training.out ?? "runs/\(kind.rawValue)")
        files.write(training.prometheus, as: "--prometheus")
      }
      files.write(csv, as: "--csv")
    }
  }

  private func table(
    _ session: Session, training train: (RunConfiguration, Session) throws -> Bool
  ) throws -> SweepTable? {
    switch kind.task {
    case .training(let sweep):
      guard let training else { throw SweepError.noTraining(kind) }
      return try withoutActuallyEscaping(train) { train in
        try TrainingSweep(
          request: self, base: training, out: training.out ?? "runs/\(kind.rawValue)",
          session: session, train: { try train($0, session) }
        ).run(sweep)
      }
    case .videos:
      let network = try self.network(session).network
      return try VideoSweep(self, network: network).run()
    case .network(let sweep):
      let network = try self.network(session).network
      return try CheckpointSweep(
        request: self, subject: try SweepSubject(network, evaluation)
      ).run(sweep)
    case .compatibility:
      let (path, network) = try self.network(session)
      let subject = try SweepSubject(network, evaluation)
      let other = try CheckpointNetwork.open(
        other ?? path, precision: evaluation.precision, in: session)
      return try CheckpointSweep.compatibility(subject, with: other)
    }
  }

  /// The network of the checkpoint, and where it is.
  private func network(_ session: Session) throws -> (path: String, network: CheckpointNetwork) {
    guard case .checkpoint(let path) = evaluation.source else {
      throw SweepError.noCheckpoint(kind)
    }
    return (
      path, try CheckpointNetwork.open(path, precision: evaluation.precision, in: session)
    )
  }
}
