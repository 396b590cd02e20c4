internal import Datasets
internal import Networks
internal import Reports
package import Scaling
internal import Sessions

/// Worlds to predict a step for, beside the one that measures.
package struct ScalingRequest: Sendable {
  /// A network by name; without a wire it is the one between the ranks that measure.
  package struct Network: Sendable {
    /// How rows name it.
    package var name: String
    /// What travels how fast; nil is the network between the ranks that measure.
    package var wire: Wire?

    package init(name: String, wire: Wire?) {
      self.name = name
      self.wire = wire
    }
  }

  /// A step of `ranks` ranks.
  package struct Row: Sendable, Equatable, Codable {
    /// The name of the network.
    package var network: String
    /// Samples of a step on each rank.
    package var imagesPerRank: Int
    /// Ranks of the world.
    package var ranks: Int
    /// `ScalingModel.Design.name`.
    package var design: String
    /// What its step is made of.
    package var prediction: ScalingModel.Prediction
    /// Samples of all ranks over the step.
    package var imagesPerSecond: Double
  }

  /// Numbers of ranks to predict a step for.
  package var ranks: [Int]
  /// Samples of a step on each rank; empty is the batch of the configuration.
  package var imagesPerRank: [Int]
  /// Whether that batch is shared out to the ranks, however many there are.
  package var sharesBatch = false
  /// Compute threads of each rank, as fast as those that measure; nil is as many.
  package var threads: Int?
  /// Empty is the network between the ranks that measure.
  package var networks: [Network]

  package init(ranks: [Int], imagesPerRank: [Int], threads: Int?, networks: [Network]) {
    self.ranks = ranks
    self.imagesPerRank = imagesPerRank
    self.threads = threads
    self.networks = networks
  }

  /// The models of all networks; those that were not measured pack and add values at
  /// `valueSeconds` each.
  func models(
    from fitted: ScalingModel, valueSeconds: Double
  ) -> [(name: String, model: ScalingModel)] {
    guard !networks.isEmpty else { return [("measured", fitted)] }
    return networks.map { network in
      var model = fitted
      if let wire = network.wire {
        model.wire = wire
        model.valueSeconds = valueSeconds
      }
      return (network.name, model)
    }
  }

  /// The loads asked for, of one rank.
  func loads(like own: ScalingModel.Load, batch: Int) -> [ScalingModel.Load] {
    (imagesPerRank.isEmpty ? [batch] : imagesPerRank).map {
      ScalingModel.Load(
        ranks: 1, threads: threads ?? own.threads, imagesPerRank: $0, microbatch: own.microbatch,
        sharedBatch: sharesBatch ? batch : nil)
    }
  }

  /// Predictions for each network, load, number of ranks and design.
  func rows(
    of fitted: ScalingModel, valueSeconds: Double, load own: ScalingModel.Load, batch: Int
  ) -> [Row] {
    var rows: [Row] = []
    for (name, model) in models(from: fitted, valueSeconds: valueSeconds)
    where model.wire.bytesPerSecond.isFinite {
      for var load in loads(like: own, batch: batch) {
        for count in ranks {
          load.ranks = count
          for design in ScalingModel.Design.all {
            let prediction = model.predict(load, design)
            rows.append(
              Row(
                network: name,
                imagesPerRank: sharesBatch ? (batch + count - 1) / count : load.imagesPerRank,
                ranks: count, design: design.name, prediction: prediction,
                imagesPerSecond: Double(load.batch) / prediction.step))
          }
        }
      }
    }
    return rows
  }

  /// The table of `report`'s predictions, and where each design falls below four fifths of the
  /// images of perfect scaling.
  package func lines(of report: DoctorReport, load own: ScalingModel.Load) -> [String] {
    guard !report.predictions.isEmpty else {
      return ["no prediction: one rank has no network; give --network, or start more ranks"]
    }
    let designs = ScalingModel.Design.all
    var table = ColumnTable(
      [("network", false), ("images a rank", true), ("ranks", true)]
        + designs.map { ($0.name, true) }
        + [("images/s (exact)", true), ("limit (exact)", false)])
    for first in stride(from: 0, to: report.predictions.count, by: designs.count) {
      let rows = report.predictions[first..<first + designs.count]
      let exact = rows[first]
      table.append(
        [exact.network, "\(exact.imagesPerRank)", "\(exact.ranks)"]
          + rows.map { "\(Console.fixed(100 * $0.prediction.efficiency, 0)) %" }
          + [Console.fixed(exact.imagesPerSecond, 0), exact.prediction.limit])
    }
    return [
      "",
      "\(report.model), \(report.parameterCount) parameters, \(threads ?? own.threads) threads a "
        + "rank; share of the step that computes:",
    ] + table.lines + limits(of: report, load: own) + headLines(of: report)
  }

  private func limits(of report: DoctorReport, load own: ScalingModel.Load) -> [String] {
    var lines = ["above 80 % up to, in ranks:"]
    for (name, model) in models(from: report.fitted, valueSeconds: report.valueSeconds) {
      for load in loads(like: own, batch: report.batch) {
        let limits = ScalingModel.Design.all.map { design in
          "\(design.name) "
            + (model.limit(of: design, load: load, share: 0.8).map { "\($0)" } ?? "none")
        }
        lines.append(
          "  \(name), \(load.imagesPerRank) images \(sharesBatch ? "of all ranks" : "a rank"): "
            + limits.joined(separator: "; "))
      }
    }
    return lines
  }
}
