private import CProcessor

/// How this thread's floating point treats numbers below the normal range.
enum Subnormals {
  /// Runs products of pairs, functions that are not inlined, with subnormal numbers taken for zero:
  /// VDPBF16PS takes them so whatever the thread says, ordinary additions and multiplications, with
  /// which products are added to what is there and computed without it, as the thread says.
  @inline(__always)
  static func asZero(_ products: () -> Void) {
    let before = cprocessor_flush_subnormals()
    products()
    cprocessor_restore_float_state(before)
  }
}
