package import Evaluation

/// A run as one page for people: `report.html`, self-contained, without scripts or network.
package struct RunReport: Sendable {
  /// What one training step is plotted with.
  package struct Step: Sendable {
    /// What the triplets of a step were.
    package struct Triplets: Sendable, Equatable {
      /// Those with a loss above zero, of all that could be.
      package let activeShare: Double
      /// The mean squared distance of pairs of one person in the batch.
      package let positiveDistance: Double
      /// That of pairs of two people.
      package let negativeDistance: Double

      /// A share from 0 to 1 and two squared distances.
      package init(activeShare: Double, positiveDistance: Double, negativeDistance: Double) {
        self.activeShare = activeShare
        self.positiveDistance = positiveDistance
        self.negativeDistance = negativeDistance
      }
    }

    /// Steps done, this one included.
    package let step: Int
    /// The mean loss of its samples.
    package let loss: Double
    /// The rate of the backbone.
    package let learningRate: Double
    /// Samples of the step over its wall time.
    package let imagesPerSecond: Double
    /// Before clipping.
    package let gradientNorm: Double
    /// The mean cosine to a teacher's embeddings; not finite without a teacher.
    package let teacherCosine: Double
    /// Nil with other losses.
    package let triplets: Triplets?

    /// Values of one step; what is not finite is left out of the curves and counted.
    package init(
      step: Int, loss: Double, learningRate: Double, imagesPerSecond: Double, gradientNorm: Double,
      teacherCosine: Double = .nan, triplets: Triplets? = nil
    ) {
      self.teacherCosine = teacherCosine
      self.triplets = triplets
      self.step = step
      self.loss = loss
      self.learningRate = learningRate
      self.imagesPerSecond = imagesPerSecond
      self.gradientNorm = gradientNorm
    }
  }

  /// The figures of an evaluation after `step` steps, by their printed names.
  package struct EvaluationPoint: Sendable {
    /// Steps done before it.
    package let step: Int
    /// The figures by their printed names.
    package let figures: [String: Double]

    /// Figures such as `EvaluationResult.dictionary`.
    package init(step: Int, figures: [String: Double]) {
      self.step = step
      self.figures = figures
    }
  }

  /// A part of the wall time.
  package struct Phase: Sendable {
    /// What is shown for it.
    package let name: String
    /// Its wall time.
    package let seconds: Double

    /// A phase called `name`.
    package init(name: String, seconds: Double) {
      self.name = name
      self.seconds = seconds
    }
  }

  /// What was trained, on what, for how long.
  package struct Summary: Sendable {
    /// People who train.
    package var people: Int
    /// Photos that train.
    package var photos: Int
    /// Photos that each epoch leaves out, others every time.
    package var leftOutOfEpoch = 0
    /// Images trained on, repetitions counted.
    package var imagesSeen: Int
    /// Wall time since the last start.
    package var wallSeconds: Double
    /// 16 hexadecimal digits; empty before the run has ended.
    package var weightsHash: String
    /// Steps that moved nothing.
    package var skippedSteps = 0

    /// A summary of the training data and the run.
    package init(
      people: Int, photos: Int, imagesSeen: Int, wallSeconds: Double, weightsHash: String
    ) {
      self.people = people
      self.photos = photos
      self.imagesSeen = imagesSeen
      self.wallSeconds = wallSeconds
      self.weightsHash = weightsHash
    }
  }

  /// The heading of the page.
  package var title: String
  /// A line under the title, such as the model and the number of workers.
  package var subtitle: String
  /// The resolved configuration, as written to `config.yaml`.
  package var configuration: String
  /// One fact of the machine a line.
  package var machine: [String]
  /// What the run has done otherwise since some step of it, a sentence each.
  package var changes: [String] = []
  /// In ascending order.
  package var steps: [Step] = []
  /// In ascending order.
  package var evaluations: [EvaluationPoint] = []
  /// The last evaluation of the set that counts; nil before one.
  package var evaluation: EvaluationDetail?
  /// The figures of each set by its name, where several are measured; the first is `evaluation`.
  package var evaluationSets: [(name: String, figures: [Figure])] = []
  /// Where the wall time went.
  package var phases: [Phase] = []
  /// What of the data is passed over, a line each.
  package var passedOver: [String] = []
  /// What was made out of the data, such as the columns of a table that were taken.
  package var dataRemarks: [String] = []
  /// What of the data is most likely not meant, a line each.
  package var dataWarnings: [String] = []
  /// What was trained, on what, for how long.
  package var summary: Summary

  /// A report without curves or evaluations yet.
  package init(
    title: String, subtitle: String, configuration: String, machine: [String], summary: Summary
  ) {
    self.title = title
    self.subtitle = subtitle
    self.configuration = configuration
    self.machine = machine
    self.summary = summary
  }

  /// The page as one HTML text.
  package func render() -> String {
    let header = Markup.element(
      "header", [:], [.element("h1", text: title), .element("p", text: subtitle)])
    return ReportPage.text(title: title, [header] + warnings() + [cards()] + sections())
  }

  private func warnings() -> [Markup] {
    (dataWarnings + (evaluation?.warnings ?? [])).map {
      .element("p", ["class": "warning"], text: $0)
    }
  }

  private func sections() -> [Markup] {
    [
      ReportPage.section("Training", curves()),
      ReportPage.section("Changed on the way", facts(changes)),
      ReportPage.section("Evaluation", (evaluation?.panels() ?? []) + setPanels()),
      ReportPage.section("Worst pairs", evaluation?.worstPairPanels() ?? []),
      ReportPage.section("Where the time went", phasePanel()),
      ReportPage.section("What the data were read as", facts(dataRemarks)),
      ReportPage.section("Data passed over", facts(passedOver)),
      ReportPage.section("Machine", facts(machine)),
      ReportPage.section("Configuration", configurationPanel()),
    ]
  }

  /// The printed figures of every set, where there are several.
  private func setPanels() -> [Markup] {
    evaluationSets.flatMap { name, figures in
      [.element("h3", text: name), EvaluationDetail.list(figures.filter(\.isHeadline))]
    }
  }

  private func facts(_ lines: [String]) -> [Markup] {
    guard !lines.isEmpty else { return [] }
    let items = lines.map { Markup.element("li", text: $0) }
    return [.element("ul", ["class": "panel facts"], items)]
  }

  private func configurationPanel() -> [Markup] {
    guard !configuration.isEmpty else { return [] }
    return [.element("pre", ["class": "panel", "tabindex": "0"], text: configuration)]
  }
}
