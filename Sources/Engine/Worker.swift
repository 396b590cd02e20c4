internal import Collectives
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
  /// What the term beside the loss compares with: places of the samples at their teacher, and its
  /// embeddings of them.
  let teacherRows: UnsafeMutablePointer<Int32>
  let targets: AlignedMemory
  /// What the microbatch adds to the step's sums.
  private let page: LedgerPage
  private let pageCount: Int
  var seconds = PhaseSeconds()
  let bytes: Int

  init(network: Network, head: (any LossHead)?, term: DistillationTerm?, ledger: Ledger) {
    arena = Arena(for: network, phase: .training)
    layerGradients = AlignedMemory(count: Self.gradientCount(network, head, term), fill: 0)
    moments = AlignedMemory(count: network.statisticsCount, fill: 0)
    headScratch = AlignedMemory(count: Self.scratchCount(network, head, term), fill: .nan)
    targets = AlignedMemory(count: network.maximumRows * (term?.teacherWidth ?? 0), fill: .nan)
    labels = .allocate(capacity: network.maximumRows)
    labels.initialize(repeating: 0, count: network.maximumRows)
    teacherRows = .allocate(capacity: network.maximumRows)
    teacherRows.initialize(repeating: -1, count: network.maximumRows)
    pageCount = ledger.count
    page = LedgerPage(.allocate(capacity: pageCount))
    page.values.initialize(repeating: 0, count: pageCount)
    bytes = Self.bytes(network: network, head: head, term: term, ledgerCount: pageCount)
  }

  /// Bytes of a worker whose ledger has `ledgerCount` sums.
  static func bytes(
    network: Network, head: (any LossHead)?, term: DistillationTerm?, ledgerCount: Int
  ) -> Int {
    let floats =
      gradientCount(network, head, term) + network.statisticsCount
      + scratchCount(network, head, term)
      + network.maximumRows * (term?.teacherWidth ?? 0)
    return Arena.bytes(for: network, phase: .training) + 4 * floats + 8 * ledgerCount
  }

  /// Floats of the largest gradient that is written at once.
  private static func gradientCount(
    _ network: Network, _ head: (any LossHead)?, _ term: DistillationTerm?
  ) -> Int {
    max(network.largestLayerCount, head?.parameterCount ?? 0, term?.parameterCount ?? 0)
  }

  /// Floats for the head or the term beside it, or for one norm of each row.
  private static func scratchCount(
    _ network: Network, _ head: (any LossHead)?, _ term: DistillationTerm?
  ) -> Int {
    let rows = network.maximumRows
    return max(rows, head?.scratchCount(rows: rows) ?? 0, term?.scratchCount(rows: rows) ?? 0)
  }

  deinit {
    labels.deallocate()
    teacherRows.deallocate()
    page.values.deallocate()
  }

  /// The worker's page with zeros.
  var clearedPage: LedgerPage {
    page.values.update(repeating: 0, count: pageCount)
    return page
  }
}
