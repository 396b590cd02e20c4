private import Preconditions

/// What follows a batch norm or a bias: nothing, max(u, 0), or u > 0 ? u : slope * u.
package enum ActivationFunction: Sendable {
  case identity, relu, prelu
}

/// An activation known at compile time, so that each has loops of its own.
protocol LaneActivation {
  static func value(at u: Lanes, slopes: Lanes) -> Lanes

  /// The gradient of u, given that of the value.
  static func gradient(_ outputGradient: Lanes, at u: Lanes, slopes: Lanes) -> Lanes

  /// `sum` plus the gradient of the slopes.
  static func slopeGradient(_ outputGradient: Lanes, at u: Lanes, addedTo sum: Lanes) -> Lanes

  static var isIdentity: Bool { get }
}

enum IdentityLanes: LaneActivation {
  @inline(__always)
  static func value(at u: Lanes, slopes: Lanes) -> Lanes { u }

  @inline(__always)
  static func gradient(_ outputGradient: Lanes, at u: Lanes, slopes: Lanes) -> Lanes {
    outputGradient
  }

  @inline(__always)
  static func slopeGradient(_ outputGradient: Lanes, at u: Lanes, addedTo sum: Lanes) -> Lanes {
    sum
  }

  static var isIdentity: Bool { true }
}

enum RectifiedLanes: LaneActivation {
  @inline(__always)
  static func value(at u: Lanes, slopes: Lanes) -> Lanes {
    u.replacing(with: Lanes(0), whereNotPositive: u)
  }

  @inline(__always)
  static func gradient(_ outputGradient: Lanes, at u: Lanes, slopes: Lanes) -> Lanes {
    outputGradient.replacing(with: Lanes(0), whereNotPositive: u)
  }

  @inline(__always)
  static func slopeGradient(_ outputGradient: Lanes, at u: Lanes, addedTo sum: Lanes) -> Lanes {
    sum
  }

  static var isIdentity: Bool { false }
}

enum ParametricLanes: LaneActivation {
  @inline(__always)
  static func value(at u: Lanes, slopes: Lanes) -> Lanes {
    u.replacing(with: u * slopes, whereNotPositive: u)
  }

  @inline(__always)
  static func gradient(_ outputGradient: Lanes, at u: Lanes, slopes: Lanes) -> Lanes {
    outputGradient.replacing(with: outputGradient * slopes, whereNotPositive: u)
  }

  @inline(__always)
  static func slopeGradient(_ outputGradient: Lanes, at u: Lanes, addedTo sum: Lanes) -> Lanes {
    sum.addingProduct(outputGradient, u.negativePart)
  }

  static var isIdentity: Bool { false }
}

func checkMap(
  pixels: Int, channels: Int, activation: ActivationFunction, slopes: UnsafePointer<Float>?
) {
  require(pixels > 0 && channels > 0, "the map [\(pixels),\(channels)] is empty")
  require(activation != .prelu || slopes != nil, "PReLU needs slopes for \(channels) channels")
}
