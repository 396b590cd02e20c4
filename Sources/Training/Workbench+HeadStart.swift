internal import Assembly
internal import CheckpointParts
internal import Checkpoints
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

/// First class weights that are not drawn: `--head-start`.
extension Workbench {
  /// Floats of class weights that travel at a time.
  private static let pieceFloats = 4 << 20

  /// Gives class weights their first values once the network has its own; a collective. On the
  /// first rank `checkpoint` is that of `init`. The row of a class that nothing is known of, as
  /// none of its photos can be read, stays as it was drawn. Throws what reading throws, and
  /// `Interruption` where the run is to end, for which `work` looks.
  func startHead(from checkpoint: Checkpoint?, in work: LongWork?) throws {
    let start = plan.configuration.headStart
    guard start != .drawn, let head = plan.factory.objective.head else { return }
    let began = Clock.seconds
    var old = [Int32](repeating: -1, count: head.classes)
    var length: Float = 1
    var text = "of \(head.classes) classes start from"
    var before = ""
    if start == .trained {
      old = try plan.communicator.broadcast(
        try checkpoint.map { plan.data.trainedPeople.classes(in: try $0.trainedPeople()) } ?? [],
        from: 0)
      length = try takeRows(old, of: checkpoint, head)
      before =
        "\(old.count { $0 >= 0 }) of \(head.classes) classes start as they were trained, "
      text = "from"
    }
    let photos = plan.data.divided.training.filter { old[reader.loader.label(of: $0)] < 0 }
    let count = try takeCentres(of: photos, length: length, head) {
      guard let work else { return try checkStop() }
      try work.look("embedding photos for class weights", since: began)
    }
    plan.console.say(
      "head: \(before)\(count) \(text) the mean embedding of \(photos.count) photos, in "
        + "\(Console.fixed(Clock.seconds - began, 1)) s")
  }

  /// Takes the rows of `checkpoint` that `old` names by class, -1 for none, and their biases.
  /// Returns their mean length.
  private func takeRows(
    _ old: [Int32], of checkpoint: Checkpoint?, _ head: any LossHead
  ) throws -> Float {
    let dimension = head.dimension
    let rows = try checkpoint?.classWeights() ?? []
    var lengths = 0.0
    _ = try bringRows(head) { classes, into in
      for (place, label) in classes.enumerated() where old[label] >= 0 {
        let row = rows[Int(old[label]) * dimension..<(Int(old[label]) + 1) * dimension]
        for (i, value) in row.enumerated() { into[place * dimension + i] = value }
        lengths += row.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
      }
    }
    try takeBiases(old, of: checkpoint)
    return try plan.communicator.broadcast(
      [Float(lengths / Double(old.count { $0 >= 0 }))], from: 0)[0]
  }

  private func takeBiases(_ old: [Int32], of checkpoint: Checkpoint?) throws {
    guard let bias = engine.state.descriptions.first(where: { $0.name == "head.bias" }) else {
      return
    }
    let values = try plan.communicator.broadcast(try checkpoint?.classBiases() ?? [], from: 0)
    guard !values.isEmpty else { return }
    for (label, own) in old.enumerated() where own >= 0 {
      engine.state.parameters[bias.range.lowerBound + label] = values[Int(own)]
    }
  }

  /// Sets the class weights of the people of `photos` to the mean of their embeddings, by the
  /// network of the moment and without augmentation: each of length 1 before, the mean of `length`.
  /// Returns how many classes have one.
  private func takeCentres(
    of photos: [Int], length: Float, _ head: any LossHead, onWait: @escaping () throws -> Void
  ) throws -> Int {
    guard !photos.isEmpty else { return 0 }
    let embeddings = try embed(
      photos, of: plan.data.photos, preprocessing: plan.data.preprocessing, flip: false,
      ledger: reader.loader.ledger, onWait: onWait)
    var rows = [[Int]](repeating: [], count: plan.isFirst ? head.classes : 0)
    if plan.isFirst {
      for (row, photo) in photos.enumerated() { rows[reader.loader.label(of: photo)].append(row) }
    }
    return try bringRows(head) { classes, into in
      guard let embeddings else { return }
      for (place, label) in classes.enumerated() {
        for (i, value) in embeddings.centre(of: rows[label]).enumerated() {
          into[place * head.dimension + i] = length * value
        }
      }
    }
  }

  /// Brings class weights from the first rank, where `fill` writes the rows of some classes
  /// [classes.count, dimension] over zeros, to the ranks that have these classes. Rows of zeros
  /// change nothing. Returns how many others there are.
  private func bringRows(
    _ head: any LossHead,
    _ fill: (Range<Int>, UnsafeMutableBufferPointer<Float>) throws -> Void
  ) throws -> Int {
    let first = engine.replica.headRange.lowerBound
    // Of a divided head, this rank's classes.
    let own = engine.headRanges.isEmpty ? [engine.replica.headRange] : engine.headRanges
    let step = max(1, Self.pieceFloats / head.dimension)
    var count = 0
    for start in stride(from: 0, to: head.classes, by: step) {
      let classes = start..<min(start + step, head.classes)
      var rows = [Float](repeating: 0, count: classes.count * head.dimension)
      try rows.withUnsafeMutableBufferPointer {
        if plan.isFirst { try fill(classes, $0) }
        try plan.communicator.broadcast($0, from: 0)
      }
      for (place, label) in classes.enumerated() {
        let row = rows[place * head.dimension..<(place + 1) * head.dimension]
        guard row.contains(where: { $0 != 0 }) else { continue }
        count += 1
        let target = first + label * head.dimension
        guard own.contains(where: { $0.contains(target) }) else { continue }
        for (i, value) in row.enumerated() { engine.state.parameters[target + i] = value }
      }
    }
    return count
  }
}
