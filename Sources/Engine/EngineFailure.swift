/// Why a step cannot be trusted, found while it is computed.
package enum EngineFailure: Error, CustomStringConvertible {
  /// The ranks came out of the update before `step` with different weights.
  case replicasDiffer(step: Int)
  /// Photos of these batch slots were others in the second pass than in the first.
  case photosChanged(slots: Range<Int>)

  package var description: String {
    switch self {
    case .replicasDiffer(let step):
      "the weights of the ranks differ after step \(step): memory or arithmetic of a host is at "
        + "fault; test its memory, then resume from the last checkpoint without it"
    case .photosChanged(let slots):
      "the photos of batch slots \(slots.lowerBound) to \(slots.upperBound - 1) changed between the "
        + "two passes of a step; leave the data alone while training runs, then resume"
    }
  }
}
