internal import Collectives
internal import Configuration
internal import Datasets
internal import Evaluation
internal import Foundation
internal import Inputs
internal import Measuring
internal import Networks
internal import Scoring
internal import Sessions

/// The photos and pairs that the rows of a sweep share.
struct SweepSubject {
  let network: CheckpointNetwork
  let configuration: RunConfiguration
  let opened: OpenedPhotos
  let plan: EvaluationPlan
  let pairs: VerificationPairs
  let flip: Bool

  /// What `request` asks to measure; throws `SweepError.noPairs`.
  init(_ network: CheckpointNetwork, _ request: EvaluateRequest) throws {
    self.network = network
    var configuration = network.configuration(
      data: request.data ?? network.configuration.data, split: request.split,
      splitSeed: request.splitSeed, minPhotos: request.minPhotos,
      exclude: network.exclusion(
        for: request.data ?? network.configuration.data, given: request.exclude),
      landmarks: request.landmarks)
    if let limit = request.maxBad { configuration.maxBad = limit }
    self.configuration = configuration
    opened = try OpenedPhotos.open(
      configuration.data, besides: configuration.filesRead.map(\.path) + request.filesRead,
      excluding: configuration.exclude, seed: configuration.seed,
      communicator: network.session.communicator, pool: network.session.pool,
      work: network.session.work)
    opened.notes.tell(network.session.console)
    plan = try network.plan(
      request, configuration, opened, Preprocessing(configuration, index: opened.index))
    for warning in plan.warnings { network.session.console.warn(warning) }
    try network.warnOfOverlap(of: plan, in: opened.index)
    guard let pairs = plan.pairs, pairs.sameCount > 0, pairs.sameCount < pairs.pairs.count else {
      throw SweepError.noPairs
    }
    self.pairs = pairs
    flip = request.flipTest ?? configuration.flipTest
  }

  /// The embeddings of the photos, on the first rank, by `network` or another one.
  func embeddings(
    by other: CheckpointNetwork? = nil, source: (any PhotoSource)? = nil,
    configuration: RunConfiguration? = nil, changes: AugmentationDraw = AugmentationDraw()
  ) throws -> Embeddings? {
    let network = other ?? network
    var own = configuration ?? self.configuration
    if let other, configuration == nil {
      own = other.configuration
      own.landmarks = self.configuration.landmarks
      own.maxBad = self.configuration.maxBad
    }
    return try network.embeddings(
      of: plan.photos, in: source ?? opened.source,
      preprocessing: Preprocessing(own, index: opened.index), flip: flip, changes: changes,
      badLimit: own.maxBad
    ).embeddings
  }

  func verification(_ embeddings: Embeddings) -> Verification {
    Verification(distances: embeddings.squaredDistances(of: pairs), pairs: pairs)
  }
}

/// The sweeps over what a trained network is given or gives.
struct CheckpointSweep {
  let request: SweepRequest
  let subject: SweepSubject

  /// The rows, on the first rank; an empty table on the others. Throws `SweepError`.
  func run(_ sweep: NetworkSweep) throws -> SweepTable {
    switch sweep {
    case .quantization: try quantization()
    case .jpegQuality: try jpegQuality()
    case .imageSize: try imageSize()
    case .crop: try crop()
    }
  }

  private func whole(
    _ preset: [Int], in range: ClosedRange<Int>, _ reason: String
  ) throws -> [Int] {
    guard !request.values.isEmpty else { return preset }
    return try request.values.map { value in
      guard value == value.rounded(), Double(range.lowerBound)...Double(range.upperBound) ~= value
      else {
        throw SweepError.badValue(value, reason: reason)
      }
      return Int(value)
    }
  }

  private func quantization() throws -> SweepTable {
    let bits = try whole([8, 4, 2, 1], in: 1...8, "bits a number lie in 1...8")
    var table = SweepTable("bytes a face")
    guard let embeddings = try subject.embeddings() else { return table }
    table.append(
      "\(4 * embeddings.dimension) (float)", subject.verification(embeddings))
    for bits in bits {
      table.append(
        "\(embeddings.bytesPerRow(bits: bits)) (\(bits) bit\(bits == 1 ? "" : "s"))",
        subject.verification(embeddings.quantized(bits: bits)))
    }
    return table
  }

  private func jpegQuality() throws -> SweepTable {
    let qualities = try whole([10, 20, 30, 50, 70, 90], in: 1...100, "a quality lies in 1...100")
    var table = SweepTable("jpeg q")
    for quality in qualities {
      let source = RecompressedSource(subject.opened.source, quality: quality)
      guard let embeddings = try subject.embeddings(source: source) else { continue }
      table.append("\(quality)", subject.verification(embeddings))
    }
    guard let embeddings = try subject.embeddings() else { return table }
    table.append("as it is", subject.verification(embeddings))
    return table
  }

  /// By default the paper's sides, 40, 80, 120, 160 of its 220 pixels, of this network's input.
  private func imageSize() throws -> SweepTable {
    let size = min(
      subject.configuration.imageSize.height, subject.configuration.imageSize.width)
    let sides = try whole(
      [40, 80, 120, 160, 220].map { max(1, $0 * size / 220) }, in: 1...size,
      "the side of a face in pixels lies in 1...\(size), the network's input")
    var table = SweepTable("#pixels")
    for side in sides {
      var changes = AugmentationDraw()
      changes.resolution = Double(side) / Double(size)
      guard let embeddings = try subject.embeddings(changes: changes) else { continue }
      table.append("\(side * side)", subject.verification(embeddings))
    }
    return table
  }

  private func crop() throws -> SweepTable {
    var own = subject.configuration
    let limit = own.resize ?? 16384
    let sides = try whole(
      own.crop.map { [$0] } ?? [], in: 1...limit,
      "the side of the crop in pixels of the photo lies in 1...\(limit)")
    var table = SweepTable("crop", isNumber: false)
    let landmarks = own.landmarks
    own.landmarks = nil
    for side in sides {
      own.crop = side
      guard let embeddings = try subject.embeddings(configuration: own) else { continue }
      table.append("fixed centre crop of \(side)", subject.verification(embeddings))
    }
    own.crop = nil
    if let embeddings = try subject.embeddings(configuration: own) {
      table.append("whole photo", subject.verification(embeddings))
    }
    guard let landmarks else {
      subject.network.session.console.warn(
        "no aligned crop: --landmarks FILE tells where the faces are")
      return table
    }
    own.landmarks = landmarks
    if let embeddings = try subject.embeddings(configuration: own) {
      table.append("aligned", subject.verification(embeddings))
    }
    return table
  }

  /// Pairs by the old network, by the new one, and with the first photo by the new and the second
  /// by the old; on the first rank.
  static func compatibility(_ subject: SweepSubject, with other: CheckpointNetwork) throws
    -> SweepTable
  {
    var table = SweepTable("networks", isNumber: false)
    let old = try subject.embeddings()
    let new = try subject.embeddings(by: other)
    guard let old, let new else { return table }
    guard old.dimension == new.dimension else {
      throw SweepError.otherDimension(old.dimension, new.dimension)
    }
    table.append("old to old", subject.verification(old))
    let distances = subject.pairs.pairs.map {
      new.squaredDistance($0.first, to: $0.second, of: old)
    }
    table.append("new to old", Verification(distances: distances, pairs: subject.pairs))
    table.append("new to new", subject.verification(new))
    return table
  }
}
