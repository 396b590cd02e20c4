#pragma once

/* Whether processor and operating system have the 512-bit registers of x86-64-v4. */
static inline int cprocessor_has_avx512(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
#else
  return 0;
#endif
}

/* Whether it has the products of bfloat16 pairs of AVX512_BF16 beside them. */
static inline int cprocessor_has_avx512_bf16(void) {
#if defined(__x86_64__)
  return cprocessor_has_avx512() && __builtin_cpu_supports("avx512bf16");
#else
  return 0;
#endif
}

/* Takes subnormal inputs and results of this thread for zero from now on; returns what was. */
static inline unsigned cprocessor_flush_subnormals(void) {
#if defined(__x86_64__)
  unsigned before = __builtin_ia32_stmxcsr();
  __builtin_ia32_ldmxcsr(before | 0x8040);
  return before;
#else
  return 0;
#endif
}

static inline void cprocessor_restore_float_state(unsigned state) {
#if defined(__x86_64__)
  __builtin_ia32_ldmxcsr(state);
#endif
}

/* Eight floats, as Swift's SIMD8<Float>. */
typedef float cprocessor_eight_floats __attribute__((vector_size(32)));

/* Stores eight floats at a multiple of 32 bytes without bringing the line into the caches. */
static inline void cprocessor_store_past_caches(float *target, cprocessor_eight_floats value) {
  __builtin_nontemporal_store(value, (cprocessor_eight_floats *)target);
}

/* Sixteen floats, as Swift's SIMD16<Float>. */
typedef float cprocessor_sixteen_floats __attribute__((vector_size(64)));

/* Stores sixteen floats at a multiple of 64 bytes without bringing the line into the caches. */
static inline void cprocessor_store_line_past_caches(float *target,
                                                     cprocessor_sixteen_floats value) {
  __builtin_nontemporal_store(value, (cprocessor_sixteen_floats *)target);
}

/* Orders the stores past the caches before what follows. */
static inline void cprocessor_finish_stores(void) {
#if defined(__x86_64__)
  __builtin_ia32_sfence();
#else
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

/* Asks for a line to be brought to the first cache; any address will do. */
static inline void cprocessor_fetch_near(const float *address) {
  __builtin_prefetch(address, 0, 3);
}

/* Asks for a line to be brought to the second cache; any address will do. */
static inline void cprocessor_fetch(const float *address) { __builtin_prefetch(address, 0, 2); }
