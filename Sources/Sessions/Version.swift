/// Which program this is. `CHANGELOG.md` says what each version brought, docs/versions.md what a
/// version promises.
package enum Version {
  /// By the rules of semver.org: below 1.0 the second number changes what people rely on.
  package static let current = "0.2.0"
}
