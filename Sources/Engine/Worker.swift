internal import Kernels
internal import Losses
internal import Networks
internal import Timing

/// One compute thread's memory; it runs whole microbatches, alone.
final class Worker {
  let arena: Arena
  /// The gradients of the layer that runs, or of the head.
  let layerGradients: AlignedMemory
  let moments: AlignedMemory
  let headScratch: AlignedMemory
  let labels: UnsafeMutablePointer<Int32>
  /// What the microbatch adds to the step's sums.
  private let page: LedgerPage
  private let pageCount: Int
  var seconds = PhaseSeconds()
  let bytes: Int

  init(network: Network, head: (any LossHead)?, ledger: Ledger) {
    arena = Arena(for: network, phase: .training)
    layerGradients = AlignedMemory(
      count: max(network.largestLayerCount, head?.parameterCount ?? 0), fill: 0)
    moments = AlignedMemory(count: network.statisticsCount, fill: 0)
    headScratch = AlignedMemory(count: Self.scratchCount(network, head), fill: .nan)
    labels = .allocate(capacity: network.maximumRows)
    labels.initialize(repeating: 0, count: network.maximumRows)
    pageCount = ledger.count
    page = LedgerPage(.allocate(capacity: pageCount))
    page.values.initialize(repeating: 0, count: pageCount)
    bytes = Self.bytes(network: network, head: head, ledgerCount: pageCount)
  }

  /// Bytes of a worker whose ledger has `ledgerCount` sums.
  static func bytes(network: Network, head: (any LossHead)?, ledgerCount: Int) -> Int {
    let floats =
      max(network.largestLayerCount, head?.parameterCount ?? 0) + network.statisticsCount
      + scratchCount(network, head)
    return Arena.bytes(for: network, phase: .training) + 4 * floats + 8 * ledgerCount
  }

  /// Floats for the head, or for one norm of each row.
  private static func scratchCount(_ network: Network, _ head: (any LossHead)?) -> Int {
    max(network.maximumRows, head?.scratchCount(rows: network.maximumRows) ?? 0)
  }

  deinit {
    labels.deallocate()
    page.values.deallocate()
  }

  /// The worker's page with zeros.
  var clearedPage: LedgerPage {
    page.values.update(repeating: 0, count: pageCount)
    return page
  }
}
