/// How long the ranks' sums of one step took, and how much of it computing has hidden.
package struct ReductionTimes: Sendable, Equatable {
  /// From the first bucket that was final on this rank to the end of its last microbatch: the time
  /// in which something could be hidden.
  package var windowSeconds = 0.0
  /// Of the window, what sums were on their way in.
  package var hiddenSeconds = 0.0
  /// What sums were on their way for after the last microbatch: the step waits for it.
  package var exposedSeconds = 0.0
  /// Waiting for peers that were not ready yet, in and after the window.
  package var peerSeconds = 0.0
  /// The sum of the extras, with the wait for the last rank.
  package var extraSeconds = 0.0
  /// What this rank has sent to its peers.
  package var sentBytes = 0

  /// Of nothing that was reduced.
  package init() {}

  /// Times of the buckets in `spans`, of which this rank's last microbatch ended at `localEnd`.
  init(_ spans: [BucketSpan], localEnd: Double) {
    guard let first = spans.first else { return }
    windowSeconds = max(0, localEnd - first.ready)
    for span in spans {
      let hidden = max(0, min(span.end, localEnd) - span.agreed)
      hiddenSeconds += hidden
      exposedSeconds += span.end - span.agreed - hidden
      peerSeconds += span.agreed - span.ready
    }
  }
}
