/// What is here compiles four times: in `Kernels` and `KernelsPairs` with vectors of AVX2, in
/// `KernelsAVX512` and `KernelsBF16` with vectors of AVX-512. Nothing is added across lanes, so
/// either width gives the same bits.
typealias Floats = UnsafePointer<Float>
typealias MutableFloats = UnsafeMutablePointer<Float>

extension UnsafePointer<Float> {
  /// A vector from element `offset` on, at any alignment.
  @inline(__always)
  subscript(vector offset: Int) -> Vector {
    UnsafeRawPointer(self + offset).loadUnaligned(as: Vector.self)
  }
}

extension UnsafeMutablePointer<Float> {
  /// A vector from element `offset` on, at any alignment.
  @inline(__always)
  subscript(vector offset: Int) -> Vector {
    get { UnsafeRawPointer(self + offset).loadUnaligned(as: Vector.self) }
    nonmutating set {
      UnsafeMutableRawPointer(self + offset).storeBytes(of: newValue, as: Vector.self)
    }
  }

  /// Sets `count` floats to zero.
  @inline(__always)
  func zero(_ count: Int) {
    UnsafeMutableRawPointer(self).initializeMemory(as: UInt8.self, repeating: 0, count: count * 4)
  }
}

extension Vector {
  /// Floats of a vector.
  @inline(__always) static var width: Int { MemoryLayout<Vector>.size / 4 }

  /// self + a * factor in one rounding.
  @inline(__always)
  func adding(_ a: Self, times factor: Float) -> Self {
    addingProduct(a, Self(repeating: factor))
  }

  @inline(__always)
  func scaled(_ factor: Float) -> Self { self * Self(repeating: factor) }
}
