/// Thrown by whoever waits, to leave what it waits for: the run was told to end.
package struct Interruption: Error {
  /// There is nothing to say about it: whoever catches it knows why.
  package init() {}
}
