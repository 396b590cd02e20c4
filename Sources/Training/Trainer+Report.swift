internal import Datasets
internal import Determinism

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
    if let lastEvaluation, let plan = evaluationPlan {
      report.evaluation = RunReport.EvaluationDetail(
        lastEvaluation, name: { self.data.index.photos[plan.photos[$0]].path },
        jpeg: { self.jpeg(plan.photos[$0]) })
    }
    do {
      try folder.write(report.render(), to: folder.report)
    } catch {
      console.warn("\(error)")
    }
  }

  func jpeg(_ photo: Int) -> [UInt8]? {
    let buffer = ByteBuffer()
    guard (try? data.source.source.read(photo, into: buffer)) != nil else { return nil }
    return Array(buffer.bytes)
  }
}
