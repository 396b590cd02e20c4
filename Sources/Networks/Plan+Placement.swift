/// Where everything lies in a worker's memory, in floats from its start.
struct Placement: Sendable {
  var values: [Int]
  var gradients: [Int]
  var workspaces: [Int]
  var scratch: Int
  var count: Int
}

extension Plan {
  /// A piece of memory and the times, both included, between which it holds something.
  private struct Piece {
    let floats: Int
    let birth, death: Int
    let owners: [Owner]
  }

  private enum Owner {
    case value(Int), gradient(Int), workspace(Int)
  }

  /// Layer `t` runs forward at time `t` and backward at `2 * layers - t`: the loss is between.
  private var lossTime: Int { layers.count }

  private func backwardTime(_ layer: Int) -> Int { 2 * layers.count - layer }

  /// Places the memory of a training pass: values, gradients, workspace.
  func trainingPlacement(output: Activation) -> Placement {
    var pieces: [Piece] = []
    for (id, record) in activations.enumerated() {
      var death = max(record.lastForwardUse, record.producer)
      if let use = record.firstBackwardUse { death = backwardTime(use) }
      if id == output.id { death = max(death, lossTime) }
      pieces.append(
        Piece(
          floats: record.shape.count * maximumRows, birth: record.producer, death: death,
          owners: [.value(id)]))
    }
    pieces += gradientPieces(output: output)
    for (id, record) in workspaces.enumerated() {
      pieces.append(
        Piece(
          floats: record.floats, birth: record.layer, death: backwardTime(record.layer),
          owners: [.workspace(id)]))
    }
    return place(pieces)
  }

  /// Places the memory of an inference pass: values die with their last reader.
  func inferencePlacement(output: Activation) -> Placement {
    var pieces: [Piece] = []
    for (id, record) in activations.enumerated() {
      let death = id == output.id ? lossTime : record.lastForwardUse
      pieces.append(
        Piece(
          floats: record.shape.count * maximumRows, birth: record.producer, death: death,
          owners: [.value(id)]))
    }
    for (id, record) in workspaces.enumerated() where record.inInference {
      pieces.append(
        Piece(
          floats: record.floats, birth: record.layer, death: record.layer,
          owners: [.workspace(id)]))
    }
    return place(pieces)
  }

  /// One piece for each group of gradients that share memory; the image has none.
  private func gradientPieces(output: Activation) -> [Piece] {
    // An activation joins its partner's group only through its last reader, which overwrites.
    var group = Array(activations.indices)
    for (id, record) in activations.enumerated().dropFirst() {
      guard let partner = record.gradientPartner, partner.ordinal == record.readers.count - 1
      else { continue }
      let from = group[id]
      let to = group[partner.activation]
      for i in group.indices where group[i] == from { group[i] = to }
    }
    var members: [Int: [Int]] = [:]
    for id in activations.indices.dropFirst() { members[group[id], default: []].append(id) }
    return members.keys.sorted().map { key in
      let ids = members[key]!
      var birth = Int.max
      var death = 0
      for id in ids {
        let record = activations[id]
        let firstWriter = record.readers.last.map(backwardTime) ?? lossTime
        birth = min(birth, id == output.id ? lossTime : firstWriter)
        death = max(death, backwardTime(record.producer))
      }
      return Piece(
        floats: activations[ids[0]].shape.count * maximumRows, birth: birth, death: death,
        owners: ids.map { .gradient($0) })
    }
  }

  /// Best fit by decreasing size: each piece goes to the lowest place that is free in its lifetime.
  private func place(_ pieces: [Piece]) -> Placement {
    var placement = Placement(
      values: Array(repeating: -1, count: activations.count),
      gradients: Array(repeating: -1, count: activations.count),
      workspaces: Array(repeating: -1, count: workspaces.count), scratch: 0, count: 0)
    var placed: [(offset: Int, end: Int, birth: Int, death: Int)] = []
    let order = pieces.indices.sorted {
      (pieces[$1].floats, $0) < (pieces[$0].floats, $1)
    }
    for index in order {
      let piece = pieces[index]
      // Rounded to a page and half a page more, so that equal maps do not share cache sets.
      let floats = (piece.floats + 1023) / 1024 * 1024 + 160
      var offset = 0
      for other in placed.filter({ $0.birth <= piece.death && piece.birth <= $0.death })
        .sorted(by: { $0.offset < $1.offset })
      {
        if offset + floats <= other.offset { break }
        offset = max(offset, other.end)
      }
      placed.append((offset, offset + floats, piece.birth, piece.death))
      placement.count = max(placement.count, offset + floats)
      for owner in piece.owners {
        switch owner {
        case .value(let id): placement.values[id] = offset
        case .gradient(let id): placement.gradients[id] = offset
        case .workspace(let id): placement.workspaces[id] = offset
        }
      }
    }
    placement.scratch = placement.count
    placement.count += (scratchCount + 1023) / 1024 * 1024
    return placement
  }
}
