/// Which weights of a checkpoint are meant: `--weights` of the commands that read one.
package enum WeightsKind: String, Sendable, Equatable, CaseIterable {
  /// Those that were trained.
  case raw
  /// Their moving average, with that of the running moments.
  case ema

  /// The kind called `word`; throws `ConfigurationError` without origin.
  package init(word: String) throws {
    self = try ValueForm<Self>.name("kind of weights").parse(word)
  }
}
