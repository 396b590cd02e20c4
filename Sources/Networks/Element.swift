/// What the numbers in a piece of a worker's memory are.
package enum Element: Sendable, Hashable {
  case float32, float64
  /// The upper half of a float32: 8 bits of exponent, 7 of fraction.
  case bfloat16
  case uint8, uint64

  /// Bytes of one number.
  package var bytes: Int {
    switch self {
    case .uint8: 1
    case .bfloat16: 2
    case .float32: 4
    case .float64, .uint64: 8
    }
  }
}

/// A type of Swift as which memory of an `Element` is read and written.
package protocol ElementType: BitwiseCopyable {
  /// What memory holds that is read and written as this type.
  static var element: Element { get }
}

extension Float: ElementType {
  package static var element: Element { .float32 }
}

extension Double: ElementType {
  package static var element: Element { .float64 }
}

/// The bits of a bfloat16, which Swift has no type for.
extension UInt16: ElementType {
  package static var element: Element { .bfloat16 }
}

extension UInt8: ElementType {
  package static var element: Element { .uint8 }
}

extension UInt64: ElementType {
  package static var element: Element { .uint64 }
}
