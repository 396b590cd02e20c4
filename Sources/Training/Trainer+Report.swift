internal import RunFolders
internal import Interchange
internal import Checkpoints
internal import Sessions
internal import Scoring
internal import Configuration
internal import Networks
internal import Reports
internal import Threads
internal import Timing
internal import Datasets
internal import Determinism
internal import Evaluation

extension Trainer {
  func writeReport(hash: UInt64? = nil) {
    guard let folder else { return }
    var report = RunReport(
      title: "\(configuration.model) on \(data.name)",
      subtitle: session.machine[0], configuration: configuration.yamlText(),
      machine: session.machine,
      summary: RunReport.Summary(
        people: data.divided.trainingPeopleCount, photos: data.divided.training.count,
        imagesSeen: progress.samples, wallSeconds: Clock.seconds - startSeconds,
        weightsHash: hash.map(Hash64.text) ?? ""))
    report.steps = history.steps
    report.evaluations = history.evaluations
    report.phases =
      PhaseSeconds.Phase.allCases.map {
        RunReport.Phase(name: "\($0)", seconds: history.seconds[$0])
      } + [RunReport.Phase(name: "evaluation", seconds: evaluationSeconds)]
    if let lastEvaluation, let set = evaluationSets.first {
      let source = set.source ?? data.source.source
      report.evaluation = RunReport.EvaluationDetail(
        lastEvaluation.first, name: { source.name(of: set.plan.photos[$0]) },
        jpeg: { Self.jpeg(set.plan.photos[$0], of: source) })
      if lastEvaluation.results.count > 1 {
        report.evaluationSets = lastEvaluation.results.map { ($0.name, $0.result.figures) }
      }
    }
    do {
      try TextFile.write(report.render(), to: folder.report)
    } catch {
      console.warn("\(error)")
    }
  }

  /// Gives TensorBoard the first samples of the next step as the network will see them.
  func showSamples() {
    guard let sideLogs, sideLogs.hasEvents, progress.step < totalSteps else { return }
    let pipeline = SamplePipeline(data.preprocessing)
    let encoder = JPEGEncoder()
    let buffer = ByteBuffer()
    let batch = sampler.batch(step: progress.step).samples
    var samples: [(jpeg: [UInt8], width: Int, height: Int)] = []
    for (slot, sample) in batch.prefix(8).enumerated() {
      let photo = data.divided.training[sample]
      let drawn = configuration.augment.draw(
        seed: configuration.seed, at: SampleCoordinates(step: progress.step, slot: slot))
      guard (try? data.source.source.read(photo, into: buffer)) != nil,
        let pixels = try? pipeline.pixels(buffer.bytes, photo: photo, drawn: drawn)
      else { continue }
      let (width, height) = (pixels.width, pixels.height)
      samples.append(
        (
          encoder.encode(pixels.pixels, width: width, height: height, quality: 90), width, height
        ))
    }
    sideLogs.write(samples: samples, step: progress.step)
  }

  static func jpeg(_ photo: Int, of source: any PhotoSource) -> [UInt8]? {
    let buffer = ByteBuffer()
    guard (try? source.read(photo, into: buffer)) != nil else { return nil }
    return Array(buffer.bytes)
  }
}
