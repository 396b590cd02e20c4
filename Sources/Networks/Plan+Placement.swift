/// Where everything lies in a worker's memory, in bytes from its start.
package struct Placement: Sendable {
  /// What lies in a piece, by the number that the plan gave it.
  package enum Owner: Sendable, Hashable {
    case value(Int), gradient(Int), workspace(Int)
  }

  /// A piece of memory that holds something from the first to the last time of its lifetime.
  ///
  /// Of L layers, layer t runs forward at time t and backward at time 2 L - t, the loss between
  /// them at time L; the images come at time -1.
  package struct Piece: Sendable {
    /// Where it lies in a worker's memory, in bytes.
    package let bytes: Range<Int>
    /// The first and the last time at which it is needed.
    package let lifetime: ClosedRange<Int>
    /// Several where gradients share the memory.
    package let owners: [Owner]

    package init(bytes: Range<Int>, lifetime: ClosedRange<Int>, owners: [Owner]) {
      self.bytes = bytes
      self.lifetime = lifetime
      self.owners = owners
    }
  }

  /// All memory but the scratch.
  package let pieces: [Piece]
  /// Bytes in all, the scratch at the end included.
  package let bytes: Int
  let values: [Int]
  let gradients: [Int]
  let workspaces: [Int]
  let scratch: Int

  /// Puts activations and workspaces where `pieces` say, and `scratchBytes` of scratch behind them.
  package init(pieces: [Piece], scratchBytes: Int) {
    var values: [Int: Int] = [:]
    var gradients: [Int: Int] = [:]
    var workspaces: [Int: Int] = [:]
    for piece in pieces {
      for owner in piece.owners {
        switch owner {
        case .value(let id): values[id] = piece.bytes.lowerBound
        case .gradient(let id): gradients[id] = piece.bytes.lowerBound
        case .workspace(let id): workspaces[id] = piece.bytes.lowerBound
        }
      }
    }
    func table(_ places: [Int: Int]) -> [Int] {
      (0..<(places.keys.max() ?? -1) + 1).map { places[$0] ?? -1 }
    }
    self.pieces = pieces
    self.values = table(values)
    self.gradients = table(gradients)
    self.workspaces = table(workspaces)
    scratch = pieces.map(\.bytes.upperBound).max() ?? 0
    bytes = scratch + scratchBytes.roundedUp(to: 4096)
  }
}

extension Plan {
  /// A piece that has no place yet.
  private struct Demand {
    let bytes: Int
    let lifetime: ClosedRange<Int>
    let owners: [Placement.Owner]
  }

  private var lossTime: Int { layers.count }

  private func backwardTime(_ layer: Int) -> Int { 2 * layers.count - layer }

  /// Places the memory of a training pass: values, gradients, workspace.
  func trainingPlacement(output: Activation) -> Placement {
    var demands: [Demand] = []
    for (id, record) in activations.enumerated() {
      var death = max(record.lastForwardUse, record.producer)
      if let use = record.firstBackwardUse { death = backwardTime(use) }
      if id == output.id { death = max(death, lossTime) }
      demands.append(
        Demand(
          bytes: record.bytes * maximumRows, lifetime: record.producer...death,
          owners: [.value(id)]))
    }
    demands += gradientDemands(output: output)
    for (id, record) in workspaces.enumerated() {
      demands.append(
        Demand(
          bytes: record.bytes, lifetime: record.layer...backwardTime(record.layer),
          owners: [.workspace(id)]))
    }
    return place(demands)
  }

  /// Places the memory of an inference pass: values die with their last reader.
  func inferencePlacement(output: Activation) -> Placement {
    var demands: [Demand] = []
    for (id, record) in activations.enumerated() {
      let death = id == output.id ? lossTime : record.lastForwardUse
      demands.append(
        Demand(
          bytes: record.bytes * maximumRows, lifetime: record.producer...death,
          owners: [.value(id)]))
    }
    for (id, record) in workspaces.enumerated() where record.inInference {
      demands.append(
        Demand(
          bytes: record.bytes, lifetime: record.layer...record.layer,
          owners: [.workspace(id)]))
    }
    return place(demands)
  }

  /// One demand for each group of gradients that share memory; the image has none.
  private func gradientDemands(output: Activation) -> [Demand] {
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
      return Demand(
        bytes: activations[ids[0]].bytes * maximumRows, lifetime: birth...death,
        owners: ids.map { .gradient($0) })
    }
  }

  /// Best fit by decreasing size: each piece goes to the lowest place that is free in its lifetime.
  private func place(_ demands: [Demand]) -> Placement {
    var placed: [Placement.Piece] = []
    let order = demands.indices.sorted {
      (demands[$1].bytes, $0) < (demands[$0].bytes, $1)
    }
    for index in order {
      let demand = demands[index]
      // Rounded to a page and half a page more, so that equal maps do not share cache sets.
      let bytes = demand.bytes.roundedUp(to: 4096) + 640
      var offset = 0
      for other in placed.filter({ $0.lifetime.overlaps(demand.lifetime) })
        .sorted(by: { $0.bytes.lowerBound < $1.bytes.lowerBound })
      {
        if offset + bytes <= other.bytes.lowerBound { break }
        offset = max(offset, other.bytes.upperBound)
      }
      placed.append(
        Placement.Piece(
          bytes: offset..<offset + bytes, lifetime: demand.lifetime, owners: demand.owners))
    }
    return Placement(pieces: placed, scratchBytes: scratchBytes)
  }
}
