package import Collectives

extension Program {
  /// Measures the ranks for a run to come; the lines to print, on rank 0.
  package static func doctor(
    _ request: DoctorRequest, asJSON: Bool, over communicator: any Communicator
  ) throws -> [String] {
    let session = try Session(
      communicator: communicator, threads: request.configuration.threads, quiet: asJSON)
    defer { session.pool.end() }
    communicator.deadlineSeconds =
      request.configuration.watchdogSeconds > 0 ? request.configuration.watchdogSeconds : nil
    if !asJSON {
      for line in session.machine + session.map.lines { session.console.say(line) }
    }
    let report = try Doctor(request, session: session).run()
    guard communicator.rank == 0 else { return [] }
    if asJSON { return [report.json] }
    guard let prediction = request.prediction else { return report.lines }
    return report.lines + prediction.lines(report, request.configuration, threads: session.threads)
  }
}

extension DoctorRequest {
  /// Numbers of ranks to predict a step for.
  package struct Prediction: Sendable {
    /// A network that the prediction is for.
    package struct Network: Sendable {
      package var bytesPerSecond: Double
      package var messageSeconds: Double

      package init(bytesPerSecond: Double, messageSeconds: Double) {
        self.bytesPerSecond = bytesPerSecond
        self.messageSeconds = messageSeconds
      }
    }

    package var ranks: [Int]
    /// Samples of a step on each rank; nil is the batch of the configuration.
    package var imagesPerRank: Int?
    /// nil is the network between the ranks that measure.
    package var network: Network?

    package init(ranks: [Int], imagesPerRank: Int?, network: Network?) {
      self.ranks = ranks
      self.imagesPerRank = imagesPerRank
      self.network = network
    }

    /// The table, and where each design falls below four fifths of the images of perfect scaling.
    func lines(
      _ report: DoctorReport, _ configuration: RunConfiguration, threads: Int
    ) -> [String] {
      var model = report.fitted
      if let network {
        model.bytesPerSecond = network.bytesPerSecond
        model.messageSeconds = network.messageSeconds
        model.agreementSeconds = 2 * network.messageSeconds
        model.valueSeconds = report.valueSeconds
      }
      guard model.bytesPerSecond.isFinite else {
        return ["no prediction: one rank has no network; give --network, or start more ranks"]
      }
      let load = ScalingModel.Load(
        ranks: 1, threads: threads, imagesPerRank: imagesPerRank ?? configuration.batch,
        microbatch: configuration.microbatch)
      return [
        "",
        "\(report.model), \(report.parameterCount) parameters, \(load.imagesPerRank) images a rank, "
          + "\(threads) thread\(threads == 1 ? "" : "s"); share of the step that computes:",
      ] + model.table(ranks: ranks, load: load).lines
        + ScalingModel.Design.all.map { design in
          let last = model.limit(of: design, load: load, share: 0.8)
          return "\(design.name): above 80 % up to "
            + (last.map { "\($0) ranks" } ?? "one rank")
        }
    }
  }
}
