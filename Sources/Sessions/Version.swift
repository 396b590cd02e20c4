/// Which program this is. `CHANGELOG.md` says what each version brought, docs/versions.md what a
/// version promises.
package enum Version {
  package static let current = "0.2.0"
}
