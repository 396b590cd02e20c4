private import CBLAS
private import Preconditions

/// Products of row-major matrices by OpenBLAS, whose bits depend on the processor: for figures of
/// an evaluation, and the yardstick of benchmarks. Nothing that trains or embeds calls it.
package enum DenseProduct {
  /// result [m,n] = alpha * op(a) op(b) + beta * result, op(a) [m,k], op(b) [k,n].
  ///
  /// `a` is stored [k,m] and `b` [n,k] where transposed; rows are dense unless a stride is given.
  package static func multiply(
    _ a: UnsafePointer<Float>, transposeA: Bool = false, _ b: UnsafePointer<Float>,
    transposeB: Bool = false, rows m: Int, columns n: Int, inner k: Int, alpha: Float = 1,
    beta: Float = 0, strideA: Int? = nil, strideB: Int? = nil, strideResult: Int? = nil,
    into result: UnsafeMutablePointer<Float>
  ) {
    require(
      m > 0 && n > 0 && k > 0, "product of [\(m),\(k)] and [\(k),\(n)]: a matrix is empty")
    cblas_sgemm(
      CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans,
      transposeB ? CblasTrans : CblasNoTrans, blasint(m), blasint(n), blasint(k), alpha, a,
      blasint(strideA ?? (transposeA ? m : k)), b, blasint(strideB ?? (transposeB ? k : n)),
      beta, result, blasint(strideResult ?? n))
  }

  /// result [m] = a [m,k] vector [k].
  ///
  /// A product with one column would copy all of `a` into panels first, which takes longer than
  /// this.
  package static func multiply(
    _ a: UnsafePointer<Float>, vector: UnsafePointer<Float>, rows m: Int, inner k: Int,
    into result: UnsafeMutablePointer<Float>
  ) {
    require(m > 0 && k > 0, "product of [\(m),\(k)] and a vector: the matrix is empty")
    // A factor of 0 would multiply what is there, which may be no number.
    result.zero(m)
    cblas_sgemv(
      CblasRowMajor, CblasNoTrans, blasint(m), blasint(k), 1, a, blasint(k), vector, 1, 1,
      result, 1)
  }
}

/// The OpenBLAS library this process runs on.
package enum BLASRuntime {
  /// Makes every product run on its calling thread; called once, before the first product.
  package static func configureSingleThread() { openblas_set_num_threads(1) }

  /// How many threads OpenBLAS would use for one product.
  package static var threadCount: Int { Int(openblas_get_num_threads()) }

  /// The processor type whose kernels OpenBLAS selected, which decides the bits of a product.
  package static var coreName: String { String(cString: openblas_get_corename()) }

  /// The version and build options of the library.
  package static var buildConfiguration: String { String(cString: openblas_get_config()) }
}
