#if canImport(Glibc)
  private import Glibc
#else
  private import Darwin
#endif

extension CounterRandom {
  /// Number `index` of the normal distribution with mean 0 and deviation 1 (Box and Muller).
  package func normal(_ index: Int) -> Double {
    let radius = 1 - uniform(2 * index)
    return (-2 * log(radius)).squareRoot() * cos(2 * .pi * uniform(2 * index + 1))
  }
}
