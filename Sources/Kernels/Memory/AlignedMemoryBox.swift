extension AlignedMemory {
  /// Memory in an array, which cannot hold noncopyable values.
  package final class Box {
    private let memory: AlignedMemory

    /// Memory for `count` floats, all 0.
    package init(count: Int) { memory = AlignedMemory(count: count, fill: 0) }

    /// The floats [count].
    package var pointer: UnsafeMutablePointer<Float> { memory.pointer }
  }
}
