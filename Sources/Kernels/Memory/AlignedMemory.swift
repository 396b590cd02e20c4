private import Preconditions

#if canImport(Glibc)
  private import Glibc
#else
  private import Darwin
#endif

/// Floats aligned to 64 bytes, or to 2 MB with huge pages asked for when there are more than 2 MB.
package struct AlignedMemory: ~Copyable, @unchecked Sendable {
  /// The first of the floats.
  package let pointer: UnsafeMutablePointer<Float>
  /// How many floats there are.
  package let count: Int

  /// Memory for `count` floats, all set to `fill`; ends the process where the system has none.
  package init(count: Int, fill: Float) {
    pointer = allocate(count, of: Float.self)
    self.count = count
    pointer.initialize(repeating: fill, count: count)
  }

  package var bytes: Int { count * MemoryLayout<Float>.stride }

  deinit { free(pointer) }
}

/// Doubles aligned as `AlignedMemory` is.
package struct AlignedDoubles: ~Copyable, @unchecked Sendable {
  /// The first of the doubles.
  package let pointer: UnsafeMutablePointer<Double>
  /// How many doubles there are.
  package let count: Int

  /// Memory for `count` doubles, all set to `fill`; ends the process where the system has none.
  package init(count: Int, fill: Double) {
    pointer = allocate(count, of: Double.self)
    self.count = count
    pointer.initialize(repeating: fill, count: count)
  }

  package var bytes: Int { count * MemoryLayout<Double>.stride }

  deinit { free(pointer) }
}

/// Bytes aligned as `AlignedMemory` is, for values of several types.
package struct AlignedBytes: ~Copyable, @unchecked Sendable {
  /// The first of the bytes.
  package let pointer: UnsafeMutableRawPointer
  /// How many bytes there are.
  package let count: Int

  /// Memory for `count` bytes, all set to `fill`; ends the process where the system has none.
  package init(count: Int, fill: UInt8) {
    let bytes = allocate(count, of: UInt8.self)
    bytes.initialize(repeating: fill, count: count)
    pointer = UnsafeMutableRawPointer(bytes)
    self.count = count
  }

  deinit { free(pointer) }

  /// Bytes in an array, which cannot hold noncopyable values.
  package final class Box: Sendable {
    private let memory: AlignedBytes

    /// Memory for `count` bytes, all 0.
    package init(count: Int) { memory = AlignedBytes(count: count, fill: 0) }

    package var pointer: UnsafeMutableRawPointer { memory.pointer }
  }
}

private func allocate<Element>(
  _ count: Int, of type: Element.Type
) -> UnsafeMutablePointer<Element> {
  require(count >= 0, "AlignedMemory: a count of \(count) is negative")
  let hugePage = 2 << 20
  let wanted = max(count * MemoryLayout<Element>.stride, 64)
  let large = wanted > hugePage
  let alignment = large ? hugePage : 64
  let bytes = (wanted + alignment - 1) / alignment * alignment
  var raw: UnsafeMutableRawPointer?
  let code = posix_memalign(&raw, alignment, bytes)
  guard code == 0, let raw else {
    Shortage.ofMemory(bytes, code: code)
  }
  #if os(Linux)
    if large { _ = madvise(raw, bytes, MADV_HUGEPAGE) }
  #endif
  return raw.bindMemory(to: type, capacity: count)
}
