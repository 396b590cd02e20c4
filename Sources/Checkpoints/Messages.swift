package import CheckpointParts
package import Collectives

extension DecisionThreshold: Message {
  package func write(to writer: inout MessageWriter) {
    writer.write(value)
    writer.write(cautiousValue)
    writer.write(flipTest)
    writer.write(rule)
    writer.write(targetFAR)
  }

  package init(from reader: inout MessageReader) throws {
    self.init(
      value: try reader.read(), cautiousValue: try reader.read(), flipTest: try reader.read(),
      rule: try reader.read(), targetFAR: try reader.read())
  }
}

extension TrainingProgress: Message {
  package func write(to writer: inout MessageWriter) {
    for number in [
      step, updates, skippedSteps, skippedInARow, samples, evaluatedStep, collapsedSteps,
      stuckSteps, gridExponent, evaluationsSinceBest,
    ] {
      writer.write(number)
    }
    writer.write(best)
    writer.write(bestStep)
    writer.write(bestSet.map { Int(bitPattern: UInt($0)) })
    writer.write(fallbackStep)
    writer.write(threshold)
  }

  package init(from reader: inout MessageReader) throws {
    self.init()
    step = try reader.read()
    updates = try reader.read()
    skippedSteps = try reader.read()
    skippedInARow = try reader.read()
    samples = try reader.read()
    evaluatedStep = try reader.read()
    collapsedSteps = try reader.read()
    stuckSteps = try reader.read()
    gridExponent = try reader.read()
    evaluationsSinceBest = try reader.read()
    best = try reader.read()
    bestStep = try reader.read()
    let word: Int? = try reader.read()
    bestSet = word.map { UInt64(UInt(bitPattern: $0)) }
    fallbackStep = try reader.read()
    threshold = try reader.read()
  }
}
