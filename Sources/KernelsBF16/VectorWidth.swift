/// Sixteen floats in one AVX-512 register.
typealias Vector = SIMD16<Float>
