package import Scaling
internal import Sessions

extension DoctorReport {
  /// What class weights cost in the world that was measured.
  package struct Head: Sendable, Equatable, Codable {
    /// People.
    package var classes: Int
    /// Of them, those whose weights were there while it was measured; more take as long each.
    package var measuredClasses: Int
    /// Whether the job's ranks share them out.
    package var isDivided: Bool
    /// Seconds of one thread for a photo: the whole head.
    package var wholeImageSeconds: Double
    /// The same of a divided one.
    package var dividedImageSeconds: Double
    /// A step with a divided head.
    package var divided: ScalingModel.Prediction
    /// A step with a whole one.
    package var whole: ScalingModel.Prediction
    /// Bytes of a rank with a divided head, and with a whole one.
    package var dividedBytes: Int
    /// The same with a whole one.
    package var wholeBytes: Int
    /// From so many people on, a tenth of them in a step (`--sample-classes 0.1`) saves a tenth of
    /// what a thread computes for a photo.
    package var samplingPaysFrom: Int

    init(
      _ head: HeadModel, measuredClasses: Int, _ model: ScalingModel, _ load: ScalingModel.Load,
      _ worlds: HeadWorlds
    ) {
      classes = head.classes
      self.measuredClasses = measuredClasses
      isDivided = head.isDivided
      wholeImageSeconds = Double(head.rowCount) * head.seconds.whole
      dividedImageSeconds = Double(head.rowCount) * head.seconds.divided
      (divided, whole, _) = worlds.steps(model, load)
      dividedBytes = worlds.rankBytes(load, isDivided: true)
      wholeBytes = worlds.rankBytes(load, isDivided: false)
      samplingPaysFrom = head.samplingPaysFrom(networkSeconds: model.computeSeconds)
    }

    /// The report for people, on `ranks` ranks, where a photo takes `network` seconds of a thread.
    func lines(ranks: Int, network: Double) -> [String] {
      func milliseconds(_ seconds: Double) -> String { Console.fixed(1e3 * seconds, 2) }
      var lines = [
        "head: a photo takes \(milliseconds(network)) ms of a thread in the network, and over "
          + "\(classes) classes \(milliseconds(wholeImageSeconds)) ms in a whole head, "
          + "\(milliseconds(dividedImageSeconds)) ms in a divided one"
          + (measuredClasses < classes ? " (measured on \(measuredClasses) of them)" : "")
      ]
      if ranks > 1 {
        lines.append(
          "head on \(ranks) ranks: a step of \(Console.fixed(divided.step, 3)) s and "
            + "\(dividedBytes >> 20) MiB a rank with a divided one, \(Console.fixed(whole.step, 3)) s "
            + "and \(wholeBytes >> 20) MiB with a whole one; the job's is "
            + (isDivided ? "divided" : "whole"))
      }
      lines.append(
        "sampling: --sample-classes 0.1 saves a tenth of what is computed for a photo from "
          + "\(samplingPaysFrom) people on")
      return lines
    }
  }
}
