package import Collectives
private import Datasets
private import Foundation

extension Program {
  /// Makes the table of a sweep: the lines to print, on the first rank, after the CSV that is asked
  /// for is written; nil where a run was told to stop and has more to do.
  package static func answer(
    _ request: SweepRequest, over communicator: any Communicator
  ) throws -> [String]? {
    let evaluation = request.evaluation
    let session = try Session(
      communicator: communicator, threads: evaluation.threads ?? request.training?.threads,
      quiet: evaluation.quiet)
    guard let table = try table(request, session) else { return nil }
    guard communicator.rank == 0 else { return [] }
    if let path = request.csv { try write(table.csv, to: path) }
    return table.lines
  }

  private static func table(_ request: SweepRequest, _ session: Session) throws -> SweepTable? {
    if let training = request.training {
      return try TrainingSweep(
        request: request, base: training, out: training.out ?? "runs/\(request.kind.rawValue)",
        session: session
      ).run()
    }
    guard case .checkpoint(let path) = request.evaluation.source else {
      fatalError("Program.answer: a sweep needs a checkpoint")
    }
    let network = try CheckpointNetwork(path: path, session: session)
    if request.kind == .videoFrames { return try VideoSweep(request, network: network).run() }
    let subject = try SweepSubject(network, request.evaluation)
    guard request.kind == .compatibility else {
      return try CheckpointSweep(request: request, subject: subject).run()
    }
    let other = try CheckpointNetwork(path: request.other ?? path, session: session)
    return try CheckpointSweep.compatibility(subject, with: other)
  }
}
