import Kernels
import Networks
import Testing

/// The memory plan: what is alive stays whole, what is shared is shared rightly.
@Suite struct PlacementTests {
  static let models = Models.names

  private static func network(_ model: String) throws -> Network {
    try #require(
      Models.network(
        // Inception-ResNet's unpadded convolutions need more than the others.
        named: model, imageSize: model == "inception-resnet-v1" ? 80 : 32, maximumRows: 3,
        options: ModelOptions(embedding: 16, dropout: 0.4, width: 0.125)))
  }

  /// Results of a pass as bits, so that NaNs compare.
  private struct Bits: Equatable {
    let output, gradient, moments: [UInt32]

    init(_ run: NetworkRun) {
      output = run.output.map(\.bitPattern)
      gradient = run.gradient.map(\.bitPattern)
      moments = run.batchMoments.map(\.bitPattern)
    }
  }

  private func train(_ network: Network, garbage: Float, poisons: Bool) -> NetworkRun {
    let run = NetworkRun(network, rows: network.maximumRows)
    run.fillWithNumbers()
    run.garbage = garbage
    run.poisons = poisons
    run.run(
      .training,
      outputGradient: Formula.numbers("loss", run.rows * network.embeddingCount).map { Float($0) })
    return run
  }

  /// Garbage fills the memory at first and, between any two layers, everything that the plan does
  /// not keep: a lifetime that is too short shows.
  private func checkNothingIsReadBeforeItIsWritten(_ network: Network) {
    let run = train(network, garbage: .nan, poisons: true)
    #expect(run.output.allSatisfy { $0.isFinite })
    #expect(run.gradient.allSatisfy { $0.isFinite })
    #expect(run.batchMoments.allSatisfy { $0.isFinite })
    let bits = Bits(run)
    #expect(bits == Bits(train(network, garbage: 7.5e6, poisons: true)))
    #expect(bits == Bits(train(network, garbage: -3, poisons: false)))

    run.garbage = .nan
    run.run(.inference)
    let output = run.output
    #expect(output.allSatisfy { $0.isFinite })
    run.garbage = 7.5e6
    run.run(.inference)
    #expect(output == run.output)
  }

  @Test(arguments: models)
  func nothingIsReadBeforeItIsWritten(model: String) throws {
    checkNothingIsReadBeforeItIsWritten(try Self.network(model))
  }

  @Test(arguments: SmallNetwork.all, [true, false])
  func nothingIsReadBeforeItIsWritten(small: SmallNetwork, fuses: Bool) {
    checkNothingIsReadBeforeItIsWritten(small.network(fuses: fuses))
  }

  /// The network with memory of its own for every value, gradient and workspace.
  private func unshared(_ network: Network) -> Network {
    var network = network
    var end = 0
    let placement = network.training
    var pieces: [Placement.Piece] = []
    for piece in placement.pieces {
      for owner in piece.owners {
        let bytes = end..<end + piece.bytes.count
        pieces.append(
          Placement.Piece(bytes: bytes, lifetime: piece.lifetime, owners: [owner]))
        end = bytes.upperBound
      }
    }
    let scratch = placement.bytes - placement.pieces.map(\.bytes.upperBound).max()!
    network.training = Placement(pieces: pieces, scratchBytes: scratch)
    return network
  }

  private func checkSharing(_ network: Network) {
    let shared = train(network, garbage: .nan, poisons: true)
    let apart = unshared(network)
    #expect(apart.trainingBytes > network.trainingBytes)
    #expect(Bits(shared) == Bits(train(apart, garbage: .nan, poisons: false)))
  }

  @Test(arguments: models)
  func sharedMemoryGivesTheSameBits(model: String) throws {
    checkSharing(try Self.network(model))
  }

  @Test(arguments: SmallNetwork.all, [true, false])
  func sharedMemoryGivesTheSameBits(small: SmallNetwork, fuses: Bool) {
    checkSharing(small.network(fuses: fuses))
  }

  private func checkPieces(_ placement: Placement) {
    for (i, piece) in placement.pieces.enumerated() {
      #expect(piece.bytes.upperBound <= placement.bytes)
      // Kernels want lines of 64 bytes.
      #expect(piece.bytes.lowerBound % 64 == 0)
      for other in placement.pieces[..<i] where piece.lifetime.overlaps(other.lifetime) {
        #expect(
          !piece.bytes.overlaps(other.bytes), "\(piece) and \(other) are alive together")
      }
    }
    let owners = placement.pieces.flatMap(\.owners)
    #expect(Set(owners).count == owners.count)
  }

  @Test(arguments: models)
  func noTwoLivingPiecesOverlap(model: String) throws {
    let network = try #require(
      Models.network(named: model, imageSize: 112, maximumRows: 4, options: ModelOptions()))
    checkPieces(network.training)
    checkPieces(network.inference)
  }

  @Test(arguments: SmallNetwork.all)
  func noTwoLivingPiecesOverlap(small: SmallNetwork) {
    checkPieces(small.network().training)
    checkPieces(small.network().inference)
  }

  /// Every activation has a value, every one but the image a gradient. Layers that write parts of a
  /// concatenation share one.
  @Test(arguments: models)
  func everyActivationHasItsMemory(model: String) throws {
    let network = try Self.network(model)
    let owners = Set(network.training.pieces.flatMap(\.owners))
    let outputs = network.layers.map(\.output)
    let shares = outputs.map { Double($0.shape.channels) / Double($0.stride) }
    let count = 1 + Int(shares.reduce(0, +).rounded())
    let values = owners.filter { if case .value = $0 { true } else { false } }
    let gradients = owners.filter { if case .gradient = $0 { true } else { false } }
    #expect(values == Set((0..<count).map { Placement.Owner.value($0) }))
    #expect(gradients == Set((1..<count).map { Placement.Owner.gradient($0) }))
  }

  /// Rows may be fewer than planned: the same images give the same bits.
  @Test(arguments: ["iresnet10", "aix-resnet18", "resnet18"])
  func plannedRowsDoNotMatter(model: String) throws {
    func output(maximumRows: Int) throws -> Bits {
      let network = try #require(
        Models.network(
          named: model, imageSize: 33, maximumRows: maximumRows,
          options: ModelOptions(embedding: 8, width: 0.125)))
      let run = NetworkRun(network, rows: 2)
      run.fillWithNumbers()
      run.run(.training, outputGradient: Formula.numbers("loss", 16).map { Float($0) })
      return Bits(run)
    }
    let exact = try output(maximumRows: 2)
    let roomy = try output(maximumRows: 9)
    #expect(exact == roomy)
  }

  /// Sharing is worth it: the published iresnet18 trains in well under the sum of its maps.
  @Test func sharingSavesMemory() throws {
    let network = try #require(
      Models.network(named: "iresnet18", imageSize: 112, maximumRows: 8, options: ModelOptions()))
    #expect(Double(network.trainingBytes) < 0.7 * Double(unshared(network).trainingBytes))
    #expect(2 * network.inferenceBytes < network.trainingBytes)
  }
}
