package import Collectives

extension Program {
  /// Measures the ranks for a run to come; the lines to print, on rank 0.
  package static func doctor(
    _ request: DoctorRequest, asJSON: Bool, over communicator: any Communicator
  ) throws -> [String] {
    let session = try Session(
      communicator: communicator, threads: request.configuration.threads, quiet: asJSON)
    defer { session.pool.end() }
    communicator.progress.watch(limits: request.configuration.watchLimits)
    if !asJSON {
      for line in session.machine + session.map.lines { session.console.say(line) }
    }
    let report = try Doctor(request, session: session).run()
    guard communicator.rank == 0 else { return [] }
    if asJSON { return [report.json] }
    guard let prediction = request.prediction else { return report.lines }
    let load = ScalingModel.Load(
      ranks: 1, threads: session.threads, imagesPerRank: request.configuration.batch,
      microbatch: request.configuration.microbatch)
    return report.lines + prediction.lines(of: report, load: load)
  }
}
