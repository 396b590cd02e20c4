/// Eight floats in one AVX register.
typealias Vector = SIMD8<Float>
