private import Foundation
internal import Kernels
package import Scaling
internal import Sessions

/// What `ddp-train doctor` has measured, before a long job.
package struct DoctorReport: Sendable, Equatable, Codable {
  /// One rank's figures.
  package struct Rank: Sendable, Equatable, Codable {
    /// Its number.
    package var rank: Int
    /// The host that it runs on.
    package var host: String
    /// Its compute threads.
    package var threads: Int
    /// Floating-point operations a second of a matrix product, one thread, while all threads of all
    /// ranks compute theirs.
    package var productRate: Double
    /// Seconds in which one thread computes one image, with a whole head.
    package var imageSeconds: Double
    /// The same in the precision that the job does not have.
    package var otherImageSeconds: Double
    /// How its host computes products of bfloat16.
    package var wayOfPairs: String
    /// Seconds of the update of all parameters, those of a whole head among them.
    package var updateSeconds: Double
    /// Of the image's, what is not the head's.
    package var networkSeconds: Double
    /// Of the update's, what is not the head's.
    package var networkUpdateSeconds: Double
    /// What the head costs; nil where the loss has none.
    package var headSeconds: HeadModel.Seconds?
    /// Seconds in which one thread embeds one image by a teacher that runs in every step; nil
    /// without such a one.
    package var teacherSeconds: Double?
    /// Photos that one thread decodes and augments in a second, their bytes being in memory.
    package var decodeRate: Double
    /// Photos that the rank's reader thread brings into memory in a second, beside the workers.
    package var photoReadRate: Double
    /// Bytes a second written to the run folder and synced, and read back; of one rank of each
    /// host.
    package var writeRate: Double?
    /// Bytes a second that are read again from there; nil where nothing was written.
    package var readRate: Double?
  }

  /// The sum over all ranks of a number of values.
  package struct Sum: Sendable, Equatable, Codable {
    /// Numbers of the vector that was summed.
    package var values: Int
    /// Wall time of one sum over all ranks.
    package var seconds: Double
    /// Bytes that each rank sent, over the seconds.
    package var bytesPerSecond: Double

    package init(values: Int, seconds: Double, bytesPerSecond: Double) {
      self.values = values
      self.seconds = seconds
      self.bytesPerSecond = bytesPerSecond
    }
  }

  /// Where the photos came from: `--data`.
  package var data: String
  /// The name of the network.
  package var model: String
  /// Floats of all parameters, loss head included.
  package var parameterCount: Int
  /// Samples of a step over all ranks.
  package var batch: Int
  /// Samples of a microbatch at most.
  package var microbatch: Int
  /// The precision of the job: `fp32` or `bf16`.
  package var precision: String
  /// The figures of each rank, by rank.
  package var ranks: [Rank]
  /// Seconds from one rank to another of a message that carries next to nothing.
  package var latencySeconds: Double
  /// What sums over ranks have cost; empty for one rank.
  package var sums: [Sum]
  /// The largest difference of two hosts' time of day, and how far it may be off.
  package var clockSkewSeconds: Double
  /// How exact that is.
  package var clockUncertaintySeconds: Double
  /// What a step of this world is made of.
  package var prediction: ScalingModel.Prediction
  /// Samples of all ranks over that step.
  package var predictedImagesPerSecond: Double
  /// Seconds in which one thread packs or adds one value of a sum.
  package var valueSeconds: Double
  /// The model with the figures of the slowest ranks.
  package var fitted: ScalingModel
  /// For other worlds; empty where nothing was asked.
  package var predictions: [ScalingRequest.Row]
  /// What class weights cost whole and divided; nil without any.
  package var head: Head?
  /// The same for other worlds.
  package var headPredictions: [ScalingRequest.HeadRow]
  /// How long the run takes, without evaluations; nil where its photos are not known.
  package var hours: Double?

  /// Ranks whose figures are this much worse than the median's.
  package static let slowShare = 0.2
  /// A precision is recommended that is faster by this share.
  package static let fasterShare = 0.05

  private var otherPrecision: String { Precision(rawValue: precision)?.other.rawValue ?? "" }

  /// Seconds of an image on the slowest rank, in the job's precision and in the other one.
  private var imageSeconds: (own: Double, other: Double) {
    (ranks.map(\.imageSeconds).max() ?? 0, ranks.map(\.otherImageSeconds).max() ?? 0)
  }

  /// Both precisions, and how products of bfloat16 are computed.
  private var precisionLine: String {
    let ways = Set(ranks.map(\.wayOfPairs)).sorted().joined(separator: ", elsewhere ")
    let rates = [(precision, imageSeconds.own), (otherPrecision, imageSeconds.other)]
      .map { "\($0) \(Console.fixed(1 / $1, 1)) images/s a thread" }
    return "precision: \(rates[0]), as the job has it, \(rates[1]); bf16 in convolutions \(ways)"
  }

  /// What is wrong, or will limit the job.
  package var findings: [String] {
    var findings: [String] = []
    func slow(_ value: (Rank) -> Double, _ what: String) {
      let middle = ranks.map(value).sorted()[ranks.count / 2]
      for rank in ranks where value(rank) < (1 - Self.slowShare) * middle {
        findings.append(
          "rank \(rank.rank) on \(rank.host) has \(Int(100 * value(rank) / middle)) % of the median "
            + what)
      }
    }
    slow({ $0.productRate }, "rank's matrix product")
    slow({ 1 / $0.imageSeconds }, "rank's images/s")
    slow({ $0.decodeRate }, "rank's decoding")
    let times = imageSeconds.own / imageSeconds.other
    if times > 1 + Self.fasterShare {
      findings.append(
        "--precision \(otherPrecision) computes images \(Console.fixed(times, 2)) times as fast on "
          + "these ranks; its weights are others")
    }
    if prediction.read > 0 {
      findings.append(
        "storage is the limit: photos are not read as fast as they are computed; copy them to the "
          + "nodes, or pack them (docs/data.md)")
    }
    if clockSkewSeconds > 1 + clockUncertaintySeconds {
      findings.append(
        "the hosts' clocks differ by \(Console.fixed(clockSkewSeconds, 1)) s: times in logs and of "
          + "files cannot be compared; start a time service")
    }
    if prediction.decode > 0.1 * prediction.compute {
      findings.append("decoding takes more than a tenth of computing: smaller photos, or --resize")
    }
    return findings
  }

  /// The report for people.
  package var lines: [String] {
    let worst = ranks.max { $0.imageSeconds < $1.imageSeconds } ?? ranks[0]
    var lines = [
      "measured: \(model), \(parameterCount) parameters, photos of \(data)",
      "compute: \(Console.fixed(1 / worst.imageSeconds, 1)) images/s a thread on the slowest rank "
        + "(\(worst.rank) on \(worst.host)); matrix product "
        + "\(Console.fixed(worst.productRate / 1e9, 1)) GF/s",
    ]
    if let teacher = ranks.compactMap(\.teacherSeconds).max() {
      lines.append(
        "teacher: \(Console.fixed(1 / teacher, 1)) images/s a thread on the slowest rank, which adds "
          + "\(Console.fixed(100 * teacher / worst.imageSeconds, 0)) % to what an image takes; "
          + "embeddings that are stored once (embed --mirrored) add next to nothing")
    }
    lines += [
      precisionLine,
      "decode: \(Console.fixed(ranks.map(\.decodeRate).min() ?? 0, 0)) photos/s a thread; the reader "
        + "thread of a rank brings \(Console.fixed(ranks.map(\.photoReadRate).min() ?? 0, 0))",
    ]
    for rank in ranks {
      guard let write = rank.writeRate, let read = rank.readRate else { continue }
      lines.append(
        "disk on \(rank.host): writes \(Console.fixed(write / 1e6, 0)) MB/s, "
          + "reads \(Console.fixed(read / 1e6, 0)) MB/s")
    }
    if ranks.count > 1 {
      lines.append("latency: \(Console.fixed(1e3 * latencySeconds, 2)) ms")
      for sum in sums {
        lines.append(
          "sum of \(sum.values) values: \(Console.fixed(1e3 * sum.seconds, 2)) ms, "
            + "\(Console.fixed(sum.bytesPerSecond / 1e6, 0)) MB/s a rank")
      }
      lines.append(
        "clocks: within \(Console.fixed(1e3 * clockSkewSeconds, 1)) ms "
          + "(+- \(Console.fixed(1e3 * clockUncertaintySeconds, 1)))")
    }
    lines.append(
      "\(model), batch \(batch) on \(ranks.count) rank\(ranks.count == 1 ? "" : "s"): a step of "
        + "\(Console.fixed(prediction.step, 3)) s = \(Console.fixed(prediction.decode, 3)) decode + "
        + "\(Console.fixed(prediction.compute, 3)) compute + "
        + (head?.isDivided == true
          ? "\(Console.fixed(prediction.head, 3)) head + "
            + "\(Console.fixed(prediction.waves, 3)) its waves + "
            + "\(Console.fixed(prediction.exchange, 3)) its messages + "
            + "\(Console.fixed(prediction.again, 3)) second pass + " : "")
        + "\(Console.fixed(prediction.sums - prediction.hidden, 3)) sums "
        + "(\(Console.fixed(prediction.hidden, 3)) hidden) + "
        + "\(Console.fixed(prediction.update, 3)) update + "
        + "\(Console.fixed(prediction.latency, 3)) latency + "
        + "\(Console.fixed(prediction.read, 3)) waiting for photos")
    lines.append(
      "predicted: \(Console.fixed(predictedImagesPerSecond, 1)) images/s, efficiency "
        + "\(Console.fixed(100 * prediction.efficiency, 1)) %, limited by \(prediction.limit)"
        + (hours.map { "; \(Console.fixed($0, 1)) hours for the run" } ?? ""))
    lines += head?.lines(ranks: ranks.count, network: worst.networkSeconds) ?? []
    return lines + findings.map { "look: \($0)" }
  }

  /// The report for programs, one JSON object.
  package var json: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
  }
}
