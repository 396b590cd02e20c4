package import Collectives
package import Datasets
internal import Determinism
internal import Interchange
package import Losses
internal import Networks
package import Timing

/// What one step leaves behind in `metrics.jsonl`.
package struct StepRecord: Sendable {
  package var step: Int
  package var epoch: Int
  package var samples: Int
  package var loss: Double
  package var learningRate: Double
  package var headLearningRate: Double
  package var gradientNorm: Double
  package var imagesPerSecond: Double
  package var accuracy: Double
  package var targetCosine: Double
  package var spread: Double
  package var seconds: PhaseSeconds
  package var stepSeconds: Double
  package var skippedSteps: Int
  package var skippedSamples: Int
  package var isSkipped: Bool
  package var microbatches: [Int]
  /// How the photos of this rank came to its workers, over all steps of the process.
  package var readAhead: ReadAheadCounts
  package var gradientHash: UInt64
  package var weightsHash: UInt64
  /// How this rank's sums went to the other ranks.
  package var reduction = ReductionTimes()
  /// What the steps of each rank were spent on, in the mean of a window that has just ended; else
  /// empty.
  package var ranks: [RankSeconds] = []
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
    triplets: TripletFigures? = nil
  ) {
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
      + "\"spread\":\(JSONNumber.text(spread)),\(tripletsJSON)"
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
