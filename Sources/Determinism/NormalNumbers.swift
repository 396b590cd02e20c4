extension CounterRandom {
  /// Number `index` of the normal distribution with mean 0 and deviation 1 (Box and Muller).
  package func normal(_ index: Int) -> Double {
    let radius = 1 - uniform(2 * index)
    return (-2 * Elementary.log(radius)).squareRoot()
      * Elementary.cos(2 * .pi * uniform(2 * index + 1))
  }
}
