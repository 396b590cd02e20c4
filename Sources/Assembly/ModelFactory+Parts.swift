package import Configuration
internal import Engine
internal import Losses
internal import Networks

/// What is wrong with names of parts, of `--freeze` or `--lr-scale`.
package enum PartError: Error, Equatable, CustomStringConvertible {
  /// No parameter of the model has such a name; these parts there are.
  case unknown(option: String, pattern: String, model: String, parts: [String])
  /// A part is frozen, and another before it is trained.
  case notFirst(frozen: String, trained: String)
  /// Of a layer some parameters are frozen, and others that come after them are not.
  case partOfLayer(frozen: String, trained: String)
  /// A part has a rate, and is frozen.
  case frozenRate(pattern: String)
  /// Nothing is left to train.
  case nothingTrains

  package var description: String {
    switch self {
    case .unknown(let option, let pattern, let model, let parts):
      "--\(option): no part of \(model) is called '\(pattern)'; its parts are "
        + parts.joined(separator: ", ")
    case .notFirst(let frozen, let trained):
      "--freeze: \(frozen) is frozen and \(trained) before it is not; freeze all from the first "
        + "part on, as nothing is computed below the lowest part that trains"
    case .partOfLayer(let frozen, let trained):
      "--freeze: \(frozen) is frozen and \(trained) is not, and one layer computes both; freeze "
        + "both or neither"
    case .frozenRate(let pattern):
      "--lr-scale: all that '\(pattern)' means is frozen; remove it there or from --freeze"
    case .nothingTrains:
      "--freeze: the whole network is frozen, and this loss has no class weights to train; freeze "
        + "fewer parts"
    }
  }
}

extension ModelFactory {
  /// What is frozen and what trains, in one sentence; nil where all is trained.
  package var frozenLine: String? {
    let count = network.frozenParameterCount
    guard count > 0, let last = network.parameters.last(where: { $0.range.lowerBound < count })
    else { return nil }
    let first = network.parameters.first { $0.range.lowerBound >= count }
    return "frozen: the first \(count) of \(network.parameterCount) parameters, up to "
      + "\(last.name); "
      + (first.map { "\($0.name) and what comes after it trains" } ?? "class weights alone train")
  }

  /// A sentence for each part of `lr-scale` whose factor counts nowhere, since parts behind it name
  /// all that it does.
  package func idleRates(_ configuration: RunConfiguration) -> [String] {
    let scales = configuration.rateScales
    return scales.indices.compactMap { place in
      let own = scales[place]
      let meant = descriptions.filter { own.pattern.matches($0.name) }
      let behind = scales[(place + 1)...]
      guard !meant.isEmpty,
        meant.allSatisfy({ tensor in behind.contains { $0.pattern.matches(tensor.name) } })
      else { return nil }
      let others = behind.filter { scale in meant.contains { scale.pattern.matches($0.name) } }
      return "lr-scale \(own.pattern.text)=\(own.factor) changes nothing: "
        + others.map { "\($0.pattern.text)=\($0.factor)" }.joined(separator: ", ")
        + " behind it names all that it does, and the last one counts; give it behind these"
    }
  }

  /// Throws `PartError` where names of parts in `configuration`, of which this is made, are wrong.
  package func checkParts(_ configuration: RunConfiguration) throws {
    func require(_ pattern: PartPattern, of option: String, among names: [String]) throws {
      guard !names.contains(where: pattern.matches) else { return }
      var parts: [String] = []
      for name in names {
        let part = String(name.prefix { $0 != "." })
        if parts.last != part { parts.append(part) }
      }
      throw PartError.unknown(
        option: option, pattern: pattern.text, model: network.name, parts: parts)
    }
    for pattern in configuration.freeze {
      try require(pattern, of: "freeze", among: network.parameters.map(\.name))
    }
    let isFrozen = { (name: String) in configuration.freeze.contains { $0.matches(name) } }
    if let frozen = network.parameters.last(where: { isFrozen($0.name) }),
      frozen.range.lowerBound >= network.frozenParameterCount,
      let trained = network.parameters.first(where: { !isFrozen($0.name) })
    {
      throw trained.range.lowerBound < frozen.range.lowerBound
        ? PartError.notFirst(frozen: frozen.name, trained: trained.name)
        : PartError.partOfLayer(frozen: frozen.name, trained: trained.name)
    }
    for scale in configuration.rateScales {
      try require(scale.pattern, of: "lr-scale", among: descriptions.map(\.name))
      let meant = descriptions.filter { scale.pattern.matches($0.name) }
      guard meant.contains(where: { !isFrozen($0.name) }) else {
        throw PartError.frozenRate(pattern: scale.pattern.text)
      }
    }
    if network.isFrozen, objective.head == nil, term?.hasMap != true {
      throw PartError.nothingTrains
    }
  }
}
