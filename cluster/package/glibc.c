// Functions that the archives of Debian 12 ask of glibc 2.35 and 2.36, so that a package's program asks
// for 2.34: hypot of Foundation, arc4random of libstdc++. No weight depends on either. Hidden, so that
// an MPI keeps the system's.
#include <math.h>
#include <stdint.h>
#include <sys/random.h>

#define HIDDEN __attribute__((visibility("hidden")))

// The squares of doubles neither overflow nor underflow in 80 bits.
HIDDEN double hypot(double x, double y) {
  if (isinf(x) || isinf(y)) return INFINITY;
  return (double)sqrtl((long double)x * x + (long double)y * y);
}

HIDDEN float hypotf(float x, float y) {
  if (isinf(x) || isinf(y)) return INFINITY;
  return (float)sqrt((double)x * x + (double)y * y);
}

HIDDEN uint32_t arc4random(void) {
  uint32_t value;
  while (getrandom(&value, sizeof value, 0) != sizeof value) {
  }
  return value;
}
