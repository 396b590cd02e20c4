internal import Configuration
internal import Reports
package import Scaling
internal import Sessions

extension ScalingRequest {
  /// A step of `ranks` ranks with class weights whole and divided, and what a rank needs for it.
  package struct HeadRow: Sendable, Equatable, Codable {
    /// The name of the network.
    package var network: String
    /// Samples of a step on all ranks.
    package var batch: Int
    /// Ranks of the world.
    package var ranks: Int
    /// A step with a divided head.
    package var divided: ScalingModel.Prediction
    /// A step with a whole one.
    package var whole: ScalingModel.Prediction
    /// Bytes of the first rank and its threads with a divided head.
    package var dividedBytes: Int
    /// The same with a whole one.
    package var wholeBytes: Int
    /// Bytes of the head that the busiest rank sends in a step, divided and whole.
    package var dividedSentBytes: Double
    /// The same of a whole one.
    package var wholeSentBytes: Double
    /// Which of both the job has: as it says, or the faster one.
    package var isDivided: Bool
    /// Samples of all ranks over the seconds of that.
    package var imagesPerSecond: Double
    /// Hours of the run with that, without evaluations; nil where its photos are not known.
    package var hours: Double?
  }

  /// What the job's head does to each network, load and number of ranks; nothing without class
  /// weights.
  func headRows(
    of fitted: ScalingModel, valueSeconds: Double, load own: ScalingModel.Load,
    _ worlds: HeadWorlds, photos: Int?
  ) -> [HeadRow] {
    guard let head = fitted.head else { return [] }
    let bytes = worlds.design.bytes
    var rows: [HeadRow] = []
    for (name, model) in models(from: fitted, valueSeconds: valueSeconds)
    where model.wire.bytesPerSecond.isFinite {
      for var load in loads(like: own, batch: worlds.configuration.batch) {
        for count in ranks {
          load.ranks = count
          let steps = worlds.steps(model, load)
          let step = (steps.isDivided ? steps.divided : steps.whole).step
          func sent(_ isDivided: Bool) -> Double {
            var head = head
            head.isDivided = isDivided
            return head.sentBytes(
              ranks: count, batch: load.batch, there: bytes.there,
              back: worlds.design.isSharded ? 4 : bytes.back)
          }
          rows.append(
            HeadRow(
              network: name, batch: load.batch, ranks: count, divided: steps.divided,
              whole: steps.whole, dividedBytes: worlds.rankBytes(load, isDivided: true),
              wholeBytes: worlds.rankBytes(load, isDivided: false),
              dividedSentBytes: sent(true), wholeSentBytes: sent(false),
              isDivided: steps.isDivided, imagesPerSecond: Double(load.batch) / step,
              hours: photos.map { worlds.hours(photos: $0, batch: load.batch, step: step) }))
        }
      }
    }
    return rows
  }

  /// The table of `report`'s predictions of its head.
  func headLines(of report: DoctorReport) -> [String] {
    guard let head = report.head, !report.headPredictions.isEmpty else { return [] }
    let hasHours = report.hours != nil
    var table = ColumnTable(
      [
        ("network", false), ("batch", true), ("ranks", true), ("whole: GiB", true),
        ("MB sent", true), ("step s", true), ("divided: GiB", true), ("MB sent", true),
        ("step s", true), ("of it head", true), ("waves", true), ("second pass", true),
        ("the job's", false), ("images/s", true),
      ] + (hasHours ? [("hours", true)] : []))
    func gibibytes(_ bytes: Int) -> String { Console.fixed(Double(bytes) * 0x1p-30, 2) }
    func megabytes(_ bytes: Double) -> String { Console.fixed(1e-6 * bytes, 2) }
    for row in report.headPredictions {
      let divided = row.divided
      table.append(
        [
          row.network, "\(row.batch)", "\(row.ranks)", gibibytes(row.wholeBytes),
          megabytes(row.wholeSentBytes), Console.fixed(row.whole.step, 3),
          gibibytes(row.dividedBytes), megabytes(row.dividedSentBytes),
          Console.fixed(divided.step, 3), Console.fixed(divided.head, 3),
          Console.fixed(divided.waves + divided.exchange, 3), Console.fixed(divided.again, 3),
          row.isDivided ? "divided" : "whole", Console.fixed(row.imagesPerSecond, 0),
        ] + (hasHours ? [Console.fixed(row.hours ?? 0, 1)] : []))
    }
    return [
      "",
      "the head, \(head.classes) classes, whole and divided; memory of a rank, bytes of the head "
        + "that one sends:",
    ] + table.lines
  }
}
