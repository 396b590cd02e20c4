package import Collectives
package import Datasets
internal import Determinism
internal import Interchange
package import Losses
internal import Networks
package import Timing

/// What one step leaves behind in `metrics.jsonl`.
package struct StepRecord: Sendable {
  /// Steps done, this one too.
  package var step: Int
  /// The epoch that the step is of, from 1.
  package var epoch: Int
  /// Samples that the run has seen, those of this step too.
  package var samples: Int
  /// The sum of the losses by the samples of the batch.
  package var loss: Double
  /// The rate of the backbone in the step.
  package var learningRate: Double
  /// The rate of the class weights.
  package var headLearningRate: Double
  /// Of the mean gradient, before it is clipped.
  package var gradientNorm: Double
  /// Samples of the batch by `stepSeconds`.
  package var imagesPerSecond: Double
  /// The share of samples nearest to their own class, margin aside.
  package var accuracy: Double
  /// The mean cosine between samples and their own class.
  package var targetCosine: Double
  /// How far the embeddings of the batch are from lying at one point.
  package var spread: Double
  /// By phase, in the mean over this rank's workers.
  package var seconds: PhaseSeconds
  /// From the batch's choice to the weights' update.
  package var stepSeconds: Double
  /// Steps of the whole run that were skipped.
  package var skippedSteps: Int
  /// Samples of the batch that others stood in for.
  package var skippedSamples: Int
  /// Whether this step moved nothing.
  package var isSkipped: Bool
  /// Those that each rank computed.
  package var microbatches: [Int]
  /// How the photos of this rank came to its workers, over all steps of the process.
  package var readAhead: ReadAheadCounts
  /// Of the bits of the summed gradient.
  package var gradientHash: UInt64
  /// Of the bits of parameters and moments after the step.
  package var weightsHash: UInt64
  /// How this rank's sums went to the other ranks.
  package var reduction = ReductionTimes()
  /// What the steps of each rank were spent on, in the mean of a window that has just ended; else
  /// empty.
  package var ranks: [RankSeconds] = []
  /// The mean cosine of the samples and what a teacher makes of them; nil without one.
  package var teacherCosine: Double?
  /// What the triplets were; nil with other losses.
  package var triplets: TripletFigures?

  /// What one step has left behind.
  package init(
    step: Int, epoch: Int, samples: Int, loss: Double, learningRate: Double,
    headLearningRate: Double, gradientNorm: Double, imagesPerSecond: Double, accuracy: Double,
    targetCosine: Double, spread: Double, seconds: PhaseSeconds, stepSeconds: Double,
    skippedSteps: Int, skippedSamples: Int, isSkipped: Bool, microbatches: [Int],
    readAhead: ReadAheadCounts, gradientHash: UInt64, weightsHash: UInt64,
    reduction: ReductionTimes = ReductionTimes(), ranks: [RankSeconds] = [],
    triplets: TripletFigures? = nil, teacherCosine: Double? = nil
  ) {
    self.teacherCosine = teacherCosine
    self.step = step
    self.epoch = epoch
    self.samples = samples
    self.loss = loss
    self.learningRate = learningRate
    self.headLearningRate = headLearningRate
    self.gradientNorm = gradientNorm
    self.imagesPerSecond = imagesPerSecond
    self.accuracy = accuracy
    self.targetCosine = targetCosine
    self.spread = spread
    self.seconds = seconds
    self.stepSeconds = stepSeconds
    self.skippedSteps = skippedSteps
    self.skippedSamples = skippedSamples
    self.isSkipped = isSkipped
    self.microbatches = microbatches
    self.readAhead = readAhead
    self.gradientHash = gradientHash
    self.weightsHash = weightsHash
    self.reduction = reduction
    self.ranks = ranks
    self.triplets = triplets
  }

  /// One JSON object in one line; numbers that are not finite are null.
  package var json: String {
    let phases = PhaseSeconds.Phase.allCases.map {
      "\"\($0)\":\(JSONNumber.text(seconds[$0]))"
    }
    return "{\"step\":\(step),\"epoch\":\(epoch),\"samples\":\(samples),"
      + "\"loss\":\(JSONNumber.text(loss)),\"lr\":\(JSONNumber.text(learningRate)),"
      + "\"lr_head\":\(JSONNumber.text(headLearningRate)),"
      + "\"gradient_norm\":\(JSONNumber.text(gradientNorm)),"
      + "\"images_per_second\":\(JSONNumber.text(imagesPerSecond)),"
      + "\"batch_accuracy\":\(JSONNumber.text(accuracy)),"
      + "\"target_cosine\":\(JSONNumber.text(targetCosine)),"
      + "\"spread\":\(JSONNumber.text(spread)),\(teacherJSON)\(tripletsJSON)"
      + "\"step_seconds\":\(JSONNumber.text(stepSeconds)),"
      + "\"seconds\":{\(phases.joined(separator: ","))},"
      + "\"communication\":{\"window\":\(JSONNumber.text(reduction.windowSeconds)),"
      + "\"hidden\":\(JSONNumber.text(reduction.hiddenSeconds)),"
      + "\"exposed\":\(JSONNumber.text(reduction.exposedSeconds)),"
      + "\"peers\":\(JSONNumber.text(reduction.peerSeconds)),"
      + "\"extras\":\(JSONNumber.text(reduction.extraSeconds)),"
      + "\"sent_bytes\":\(reduction.sentBytes)},\(ranksJSON)"
      + "\"skipped_steps\":\(skippedSteps),\"skipped_samples\":\(skippedSamples),"
      + "\"skipped\":\(isSkipped),"
      + "\"microbatches\":[\(microbatches.map(String.init).joined(separator: ","))],"
      + "\"read_ahead\":{\"ready\":\(readAhead.ready),\"awaited\":\(readAhead.awaited),"
      + "\"missed\":\(readAhead.missed),"
      + "\"seconds\":\(JSONNumber.text(readAhead.readSeconds))},"
      + "\"gradient_hash\":\"\(Hash64.text(gradientHash))\","
      + "\"weights_hash\":\"\(Hash64.text(weightsHash))\"}"
  }
}

extension StepRecord {
  /// The member `ranks` with its comma, or nothing.
  private var ranksJSON: String {
    guard !ranks.isEmpty else { return "" }
    func list(_ value: (RankSeconds) -> Double) -> String {
      "[" + ranks.map { JSONNumber.text(value($0)) }.joined(separator: ",") + "]"
    }
    return "\"ranks\":{\"decode\":\(list { $0.decode }),\"compute\":\(list { $0.compute }),"
      + "\"peers\":\(list { $0.peers }),\"other\":\(list { $0.other })},"
  }

  /// The member `teacher_cosine` with its comma, or nothing.
  private var teacherJSON: String {
    teacherCosine.map { "\"teacher_cosine\":\(JSONNumber.text($0))," } ?? ""
  }

  /// The member `triplets` with its comma, or nothing.
  private var tripletsJSON: String {
    guard let triplets else { return "" }
    return "\"triplets\":{\"mining\":\"\(triplets.mode.rawValue)\","
      + "\"margin\":\(JSONNumber.text(triplets.margin)),"
      + "\"candidates\":\(triplets.candidates),\"active\":\(triplets.triplets),"
      + "\"dropped\":\(triplets.candidates - triplets.triplets),"
      + "\"active_share\":\(JSONNumber.text(triplets.activeShare)),"
      + "\"loss_sum\":\(JSONNumber.text(triplets.lossSum)),"
      + "\"positive_distance\":\(JSONNumber.text(triplets.positiveDistance)),"
      + "\"negative_distance\":\(JSONNumber.text(triplets.negativeDistance)),"
      + "\"active_microbatches\":\(triplets.activeMicrobatches),"
      + "\"mining_seconds\":\(JSONNumber.text(triplets.miningSeconds))},"
  }
}
