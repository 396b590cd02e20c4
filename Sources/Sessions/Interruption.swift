/// Thrown by whoever waits, to leave what it waits for: the run was told to end.
package struct Interruption: Error {
  package init() {}
}
