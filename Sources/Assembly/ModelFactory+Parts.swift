package import Configuration
internal import Engine
internal import Networks

/// What is wrong with names of parts, of `--freeze` or `--lr-scale`.
package enum PartError: Error, Equatable, CustomStringConvertible {
  /// No parameter of the model has such a name; these parts there are.
  case unknown(option: String, pattern: String, model: String, parts: [String])
  /// A part is frozen, and another before it is trained.
  case notFirst(frozen: String, trained: String)
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
    case .frozenRate(let pattern):
      "--lr-scale: all that '\(pattern)' means is frozen; remove it there or from --freeze"
    case .nothingTrains:
      "--freeze: the whole network is frozen, and this loss has no class weights to train; freeze "
        + "fewer parts"
    }
  }
}

extension ModelFactory {
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
      throw PartError.notFirst(frozen: frozen.name, trained: trained.name)
    }
    for scale in configuration.rateScales {
      try require(scale.pattern, of: "lr-scale", among: descriptions.map(\.name))
      let meant = descriptions.filter { scale.pattern.matches($0.name) }
      guard meant.contains(where: { !isFrozen($0.name) }) else {
        throw PartError.frozenRate(pattern: scale.pattern.text)
      }
    }
    if network.isFrozen, objective.head == nil { throw PartError.nothingTrains }
  }
}
