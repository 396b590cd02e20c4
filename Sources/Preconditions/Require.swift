/// Traps with `message` unless `condition` holds: for mistakes in this program, in every build.
///
/// The standard library's `precondition` says nothing where it is compiled with optimisation, which
/// is the only build that users and tests have.
@inline(__always)
package func require(
  _ condition: @autoclosure () -> Bool, _ message: @autoclosure () -> String,
  file: StaticString = #fileID, line: UInt = #line
) {
  if !condition() { fatalError(message(), file: file, line: line) }
}
