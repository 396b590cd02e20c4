internal import Configuration
internal import Interchange
internal import Scoring
internal import Sessions
package import Collectives
internal import Datasets
private import Foundation

extension SweepRequest {
  /// Makes the table of a sweep: the lines to print, on the first rank, after the CSV that is asked
  /// for is written; nil where a run was told to stop and has more to do.
  package func answer(over communicator: any Communicator) throws -> [String]? {
    let session = try Session(
      communicator: communicator, threads: evaluation.threads ?? training?.threads,
      quiet: evaluation.quiet)
    guard let table = try table(session) else { return nil }
    guard communicator.rank == 0 else { return [] }
    if let path = csv { try TextFile.write(table.csv, to: path) }
    return table.lines
  }

  private func table(_ session: Session) throws -> SweepTable? {
    if let training = training {
      return try TrainingSweep(
        request: self, base: training, out: training.out ?? "runs/\(kind.rawValue)",
        session: session
      ).run()
    }
    guard case .checkpoint(let path) = evaluation.source else {
      fatalError("Program.answer: a sweep needs a checkpoint")
    }
    let network = try CheckpointNetwork(path: path, session: session)
    if kind == .videoFrames { return try VideoSweep(self, network: network).run() }
    let subject = try SweepSubject(network, evaluation)
    guard kind == .compatibility else {
      return try CheckpointSweep(request: self, subject: subject).run()
    }
    let other = try CheckpointNetwork(path: other ?? path, session: session)
    return try CheckpointSweep.compatibility(subject, with: other)
  }
}
