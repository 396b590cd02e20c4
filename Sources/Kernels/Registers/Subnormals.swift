private import CProcessor

/// How this thread's floating point treats numbers below the normal range.
enum Subnormals {
  /// Runs products, functions that are not inlined, with subnormal numbers taken for zero, as
  /// VDPBF16PS takes them whatever the thread says.
  @inline(__always)
  static func asZero(_ products: () -> Void) {
    let before = cprocessor_flush_subnormals()
    products()
    cprocessor_restore_float_state(before)
  }
}
