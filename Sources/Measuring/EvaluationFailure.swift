/// What makes an evaluation impossible.
package enum EvaluationFailure: Error, CustomStringConvertible {
  case nothingToMeasure
  case noPairs
  case photosBesideEmbeddings(path: String)
  case severalSets
  case oneCentre(path: String)
  case noThreshold
  case tooFewForRate(Double, refusal: String)
  case noSubsets(reason: String)

  package var description: String {
    switch self {
    case .nothingToMeasure:
      "nothing is held out; give --pairs FILE, or a --split that holds photos out"
    case .noPairs: "--embeddings needs --pairs FILE"
    case .photosBesideEmbeddings(let path):
      "\(path) brings its own photos, which --embeddings does not have; give a checkpoint"
    case .severalSets: "a sweep takes one --pairs, a list of pairs of photos of --data"
    case .oneCentre(let path):
      "\(path) has one centre a person, and nothing to choose a main one of; train a run with "
        + "--sub-centres 3 first"
    case .noSubsets(let reason):
      "--subsets: \(reason); give lines 'person subset' or 'path subset' of the photos of the pairs"
    case .tooFewForRate(let rate, let refusal):
      "--threshold-at-far \(rate): \(refusal); give more --pairs, or a larger rate"
    case .noThreshold:
      "--store-threshold: there were no pairs of both kinds to choose a threshold on; give --pairs FILE"
    }
  }
}
