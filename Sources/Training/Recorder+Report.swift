internal import Checkpoints
internal import Configuration
internal import Datasets
internal import Determinism
internal import Evaluation
private import Foundation
internal import Inputs
internal import Interchange
internal import Kernels
internal import Networks
internal import Planning
internal import Reports
internal import RunFolders
internal import Sessions
internal import Threads
internal import Timing

extension Recorder {
  /// Whether `report.html` is there and is that of the end with the `receipt` of its weights; a
  /// process that was killed may have left an earlier one, or none.
  func hasReport(of receipt: UInt64) -> Bool {
    guard let files else { return true }
    let page = FileManager.default.contents(atPath: files.folder.report)
    return page?.range(of: Data(Hash64.text(receipt).utf8)) != nil
  }

  /// Writes `report.html` as the run stands at `progress`, with the `receipt` of the weights at its
  /// end; what goes wrong is said and ends nothing.
  func writeReport(at progress: TrainingProgress, receipt: UInt64? = nil) {
    guard let files else { return }
    let (configuration, data) = (plan.configuration, plan.data)
    var report = RunReport(
      title: "\(configuration.model.name) on \(data.name)",
      subtitle: plan.session.machine[0], configuration: configuration.yamlText(),
      machine: plan.session.machine + [configuration.precision.note].compactMap(\.self),
      summary: RunReport.Summary(
        people: data.divided.trainingPeopleCount, photos: data.divided.training.count,
        imagesSeen: progress.samples, wallSeconds: Clock.seconds - plan.startSeconds,
        weightsHash: receipt.map(Hash64.text) ?? ""))
    report.dataRemarks = data.notes.remarks
    report.passedOver = data.notes.passedOver.lines
    report.dataWarnings = data.notes.allWarnings + [files.log.complaint].compactMap(\.self)
    report.summary.leftOutOfEpoch = plan.leftOutOfEpoch
    report.summary.skippedSteps = progress.skippedSteps
    report.changes = plan.changes.map(\.sentence)
    report.steps = history.steps
    report.evaluations = history.evaluations
    report.phases =
      PhaseSeconds.Phase.allCases.map {
        RunReport.Phase(name: "\($0)", seconds: history.seconds[$0])
      } + [RunReport.Phase(name: "evaluation", seconds: evaluationSeconds)]
    if let lastEvaluation, let set = plan.evaluationSets.first {
      let source = set.source ?? data.photos
      report.evaluation = EvaluationDetail(
        lastEvaluation.first, table: VerificationTable(lastEvaluation.first),
        name: { source.name(of: set.plan.photos[$0]) },
        jpeg: { Self.jpeg(set.plan.photos[$0], of: source) })
      if lastEvaluation.results.count > 1 {
        report.evaluationSets = lastEvaluation.results.map {
          ($0.name.isEmpty ? "weights of the moment" : $0.name, $0.result.figures)
        }
      }
    }
    do {
      try TextFile.write(report.render(), to: files.folder.report)
      lacksReport = false
    } catch {
      lacksReport = true
      plan.console.warn("\(error)")
    }
  }

  /// Gives TensorBoard the first samples of the step after `step` steps as the network will see
  /// them.
  func showSamples(of bench: Workbench, step: Int) {
    guard let files, files.sideLogs.hasEvents, step < plan.totalSteps else { return }
    let (configuration, data) = (plan.configuration, plan.data)
    let pipeline = SamplePipeline(data.preprocessing)
    let encoder = JPEGEncoder()
    let buffer = ByteBuffer()
    var samples: [(jpeg: [UInt8], width: Int, height: Int)] = []
    for (slot, sample) in bench.batches.sampled(step: step).samples.prefix(8).enumerated() {
      let photo = data.divided.training[sample]
      let drawn = configuration.augment.draw(
        seed: configuration.seed, at: SampleCoordinates(step: step, slot: slot))
      guard (try? data.photos.read(photo, into: buffer)) != nil,
        let pixels = try? pipeline.pixels(buffer.bytes, photo: photo, drawn: drawn)
      else { continue }
      let (width, height) = (pixels.width, pixels.height)
      samples.append(
        (
          encoder.encode(pixels.pixels, width: width, height: height, quality: 90), width, height
        ))
    }
    files.sideLogs.write(samples: samples, step: step)
  }

  private static func jpeg(_ photo: Int, of source: any PhotoSource) -> [UInt8]? {
    let buffer = ByteBuffer()
    guard (try? source.read(photo, into: buffer)) != nil else { return nil }
    return Array(buffer.bytes)
  }
}
