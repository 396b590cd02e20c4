package import Collectives
internal import Configuration
internal import Scaling
internal import Sessions
internal import Threads

extension DoctorRequest {
  /// Measures the ranks for a run to come; the lines to print, on rank 0.
  package func answer(asJSON: Bool, over communicator: any Communicator) throws -> [String] {
    let session = try Session.start(
      communicator: communicator, threads: configuration.threads,
      quiet: asJSON || configuration.quiet)
    defer { session.pool.end() }
    communicator.progress.watch(limits: configuration.watchLimits)
    if !asJSON {
      for line in session.machine + session.map.lines { session.console.say(line) }
    }
    let report = try DoctorMeasurement(self, session: session).run()
    guard communicator.rank == 0 else { return [] }
    if asJSON { return [report.json] }
    guard let prediction = prediction else { return report.lines }
    let load = ScalingModel.Load(
      ranks: 1, threads: session.threads, imagesPerRank: configuration.batch,
      microbatch: configuration.microbatch)
    return report.lines + prediction.lines(of: report, load: load)
  }
}
