internal import Assembly
internal import Collectives
internal import Configuration
internal import Datasets
internal import Engine
internal import Evaluation
internal import Inputs
internal import Losses
internal import Networks
internal import Planning
internal import Sessions
internal import State
internal import Threads

extension Workbench {
  /// Sets each class's weights to the mean of its photos' embeddings, each of length 1 before and
  /// the mean after, by the network of the moment and without augmentation; a collective. A class
  /// without a photo that can be read keeps its own. Throws `Interruption` where the run is to end.
  func startHeadFromCentres() throws {
    let start = Clock.seconds
    let (data, state) = (plan.data, engine.state)
    guard let head = plan.factory.objective.head else { return }
    let photos = data.divided.training
    let embedded = try embed(
      photos, of: data.photos, preprocessing: data.preprocessing, flip: false,
      ledger: reader.loader.ledger)
    let centres = try plan.communicator.broadcast(
      embedded.map {
        Self.centres(
          of: $0, labels: photos.map(reader.loader.label(of:)), classes: head.classes)
      } ?? [], from: 0)
    let first = engine.replica.headRange.lowerBound
    // Of a divided head, this rank's classes.
    let own = engine.headRanges.isEmpty ? [first..<first + centres.count] : engine.headRanges
    var missing = 0
    for row in 0..<head.classes {
      let place = first + row * head.dimension
      let values = centres[row * head.dimension..<(row + 1) * head.dimension]
      guard values.contains(where: { $0 != 0 }) else {
        missing += 1
        continue
      }
      guard own.contains(where: { $0.contains(place) }) else { continue }
      for (i, value) in values.enumerated() { state.parameters[place + i] = value }
    }
    plan.console.say(
      "head: \(head.classes - missing) of \(head.classes) classes start from the mean embedding of "
        + "\(photos.count) photos, in \(Console.fixed(Clock.seconds - start, 1)) s")
  }

  /// The mean direction [classes, dimension] of the embeddings of each class, whose `labels` are
  /// those of the rows; 0 where there is none. Sums are in Double, in the order of the rows.
  static func centres(of embeddings: Embeddings, labels: [Int], classes: Int) -> [Float] {
    let dimension = embeddings.dimension
    var sums = [Double](repeating: 0, count: classes * dimension)
    for (row, label) in labels.enumerated() where label >= 0 {
      let values = embeddings.values[row * dimension..<(row + 1) * dimension].map { Double($0) }
      let norm = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
      guard norm > 0, norm.isFinite else { continue }
      for (i, value) in values.enumerated() { sums[label * dimension + i] += value / norm }
    }
    for label in 0..<classes {
      let own = label * dimension..<(label + 1) * dimension
      let norm = sums[own].reduce(0) { $0 + $1 * $1 }.squareRoot()
      for i in own { sums[i] = norm > 0 ? sums[i] / norm : 0 }
    }
    return sums.map { Float($0) }
  }
}
