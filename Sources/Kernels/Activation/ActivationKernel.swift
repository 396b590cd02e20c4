private import Preconditions

/// What follows a batch norm or a bias: nothing, max(u, 0), or u > 0 ? u : slope * u.
package enum ActivationFunction: Sendable {
  case identity, relu, prelu
}

/// An activation known at compile time, so that each has loops of its own.
protocol VectorActivation {
  static func value(at u: Vector8, slopes: Vector8) -> Vector8

  /// The gradient of u, given that of the value.
  static func gradient(_ outputGradient: Vector8, at u: Vector8, slopes: Vector8) -> Vector8

  /// `sum` plus the gradient of the slopes.
  static func slopeGradient(_ outputGradient: Vector8, at u: Vector8, addedTo sum: Vector8)
    -> Vector8

  static var isIdentity: Bool { get }
  static var hasSlopes: Bool { get }
}

enum IdentityVectors: VectorActivation {
  @inline(__always)
  static func value(at u: Vector8, slopes: Vector8) -> Vector8 { u }

  @inline(__always)
  static func gradient(_ outputGradient: Vector8, at u: Vector8, slopes: Vector8) -> Vector8 {
    outputGradient
  }

  @inline(__always)
  static func slopeGradient(_ outputGradient: Vector8, at u: Vector8, addedTo sum: Vector8)
    -> Vector8
  {
    sum
  }

  static var isIdentity: Bool { true }
  static var hasSlopes: Bool { false }
}

enum RectifiedVectors: VectorActivation {
  @inline(__always)
  static func value(at u: Vector8, slopes: Vector8) -> Vector8 {
    u.replacing(with: Vector8(repeating: 0), whereNotPositive: u)
  }

  @inline(__always)
  static func gradient(_ outputGradient: Vector8, at u: Vector8, slopes: Vector8) -> Vector8 {
    outputGradient.replacing(with: Vector8(repeating: 0), whereNotPositive: u)
  }

  @inline(__always)
  static func slopeGradient(_ outputGradient: Vector8, at u: Vector8, addedTo sum: Vector8)
    -> Vector8
  {
    sum
  }

  static var isIdentity: Bool { false }
  static var hasSlopes: Bool { false }
}

enum ParametricVectors: VectorActivation {
  @inline(__always)
  static func value(at u: Vector8, slopes: Vector8) -> Vector8 {
    u.replacing(with: u * slopes, whereNotPositive: u)
  }

  @inline(__always)
  static func gradient(_ outputGradient: Vector8, at u: Vector8, slopes: Vector8) -> Vector8 {
    outputGradient.replacing(with: outputGradient * slopes, whereNotPositive: u)
  }

  @inline(__always)
  static func slopeGradient(_ outputGradient: Vector8, at u: Vector8, addedTo sum: Vector8)
    -> Vector8
  {
    sum.addingProduct(outputGradient, u.negativePart)
  }

  static var isIdentity: Bool { false }
  static var hasSlopes: Bool { true }
}

func checkMap(
  pixels: Int, channels: Int, activation: ActivationFunction, slopes: UnsafePointer<Float>?
) {
  require(pixels > 0 && channels > 0, "the map [\(pixels),\(channels)] is empty")
  require(activation != .prelu || slopes != nil, "PReLU needs slopes for \(channels) channels")
}
