#pragma once

#if defined(__x86_64__)
#include <immintrin.h>

#define CBF16_INLINE __attribute__((always_inline, target("avx512f,avx512bw,avx512bf16"))) static inline

/* Sixteen sums of pairs of bfloat16: sum + a b, the odd ones of each pair first. */
CBF16_INLINE __m512 cbf16_multiply_add(__m512 sum, __m512 a, __m512 b) {
  return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b);
}

/* Sixteen floats rounded to bfloat16, to nearest even. */
CBF16_INLINE __m256 cbf16_round(__m512 values) { return (__m256)_mm512_cvtneps_pbh(values); }

/* Sixteen pairs of bfloat16, each of one of `even` and, in its upper half, one of `odd`. */
CBF16_INLINE __m512 cbf16_pairs(__m512 even, __m512 odd) {
  const __m512i order = _mm512_set_epi16(
      31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5, 20, 4, 19,
      3, 18, 2, 17, 1, 16, 0);
  return (__m512)_mm512_permutexvar_epi16(order, (__m512i)_mm512_cvtne2ps_pbh(odd, even));
}
#endif
