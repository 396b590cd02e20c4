private import CMPI

/// A call of the MPI library that failed.
package struct MPIError: Error, CustomStringConvertible {
  /// The name of the function, such as `MPI_Allreduce`.
  package let call: String
  /// The rank it failed on, nil before ranks are known.
  package let rank: Int?
  /// What the library says about it.
  package let reason: String

  package var description: String {
    "\(call) failed\(rank.map { " on rank \($0)" } ?? ""): \(reason); "
      + "look for the first error above it and at the host's network, then resume"
  }

  /// Throws where `code` is not success, with the library's own text.
  static func check(_ call: String, rank: Int? = nil, _ code: Int32) throws {
    guard code != cmpi_success() else { return }
    let reason = Self.text(capacity: cmpi_error_text_capacity()) { cmpi_error_text(code, $0, $1) }
    throw MPIError(call: call, rank: rank, reason: reason ?? "error \(code)")
  }

  /// Reads a text that MPI writes into a buffer of `capacity` bytes, nil where the call fails.
  static func text(
    capacity: Int32, _ read: (UnsafeMutablePointer<CChar>, UnsafeMutablePointer<Int32>) -> Int32
  ) -> String? {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(capacity) + 1) { buffer in
      var length: Int32 = 0
      guard read(buffer.baseAddress!, &length) == cmpi_success() else { return nil }
      let bytes = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<Int(length)])
      return String(decoding: bytes, as: UTF8.self)
    }
  }
}
