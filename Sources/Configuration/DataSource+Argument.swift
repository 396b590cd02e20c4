extension DataSource {
  /// The source that the text of `--data` means; throws `ConfigurationError`.
  package init(argument: String) throws {
    self = try ValueForm<DataSource>.data.parse(argument)
  }
}
