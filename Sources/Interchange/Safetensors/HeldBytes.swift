/// Memory for the bytes of a file.
final class HeldBytes: @unchecked Sendable {
  let bytes: UnsafeMutableRawBufferPointer

  init(count: Int) {
    bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, count), alignment: 64)
  }

  deinit { bytes.deallocate() }
}
