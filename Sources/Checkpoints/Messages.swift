package import Collectives

extension DecisionThreshold: Message {
  package func write(to writer: inout MessageWriter) {
    writer.write(value)
    writer.write(cautiousValue)
    writer.write(flipTest)
    writer.write(rule)
  }

  package init(from reader: inout MessageReader) throws {
    self.init(
      value: try reader.read(), cautiousValue: try reader.read(), flipTest: try reader.read(),
      rule: try reader.read())
  }
}

extension TrainingProgress: Message {
  package func write(to writer: inout MessageWriter) {
    for number in [
      step, updates, skippedSteps, skippedInARow, samples, evaluatedStep, collapsedSteps,
      stuckSteps, gridExponent,
    ] {
      writer.write(number)
    }
    writer.write(best)
    writer.write(bestStep)
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
    best = try reader.read()
    bestStep = try reader.read()
    fallbackStep = try reader.read()
    threshold = try reader.read()
  }
}
