internal import Determinism

/// Why a run cannot be planned.
package enum PlanError: Error, CustomStringConvertible {
  /// A microbatch of one sample, over which batch norm is undefined: in a batch of `samples` of the
  /// epoch of `photos`, where batches are of `batch` and microbatches of at most `microbatch`.
  case microbatchOfOne(photos: Int, batch: Int, samples: Int, microbatch: Int)

  package var description: String {
    switch self {
    case .microbatchOfOne(let photos, let batch, let samples, let microbatch):
      Self.microbatchOfOne(
        photos: photos, batch: batch, samples: samples, microbatch: microbatch)
    }
  }

  private static func microbatchOfOne(
    photos: Int, batch: Int, samples: Int, microbatch: Int
  ) -> String {
    let reason = "batch norm is undefined over a single sample"
    if microbatch == 1 { return "microbatch is 1, and \(reason); give at least 2" }
    if batch == 1 { return "batch is 1, and \(reason); give at least 2" }
    let parts = Microbatches.cut(samples, microbatch: microbatch).map(\.count)
    let large = parts.count { $0 > 1 }
    let cut =
      "\(samples) = \(large == 1 ? "" : "\(large) x ")\(parts[0])"
      + String(repeating: " + 1", count: parts.count - large)
    guard samples < batch else {
      return "a batch is cut into microbatches of at most \(microbatch), \(cut), and \(reason); "
        + "change --batch or --microbatch"
    }
    let whole = photos / batch
    let batches = whole == 1 ? "\(batch)" : "\(whole) x \(batch)"
    return "the last batch of an epoch is short, \(photos) = \(batches) + \(samples)"
      + (samples == 1 ? "" : ", and its microbatches are \(cut)")
      + ": \(reason); give --drop-last (to a run that goes on --change drop-last=true), which "
      + "leaves "
      + (samples == 1 ? "that sample" : "those \(samples) samples")
      + " out of each epoch (others every time), or another --batch"
  }
}
