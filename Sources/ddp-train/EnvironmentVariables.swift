internal import Configuration

/// The variables of the environment that this program and its scripts read.
enum EnvironmentVariables {
  /// What all of them begin with.
  private static let prefix = "DDP_TRAIN_"

  /// Variables that are 0 or 1.
  private static let switches = [
    "DDP_TRAIN_AVX512", "DDP_TRAIN_BF16", "DDP_TRAIN_HEARTBEAT", "DDP_TRAIN_SKIP_CPU_CHECK",
  ]

  /// Variables of the program's other readers: the job scripts, the package, the build, the tests.
  private static let others = [
    "DDP_TRAIN_CONTAINER", "DDP_TRAIN_FUZZ", "DDP_TRAIN_FUZZ_ONLY", "DDP_TRAIN_LAUNCHER",
    "DDP_TRAIN_MARCH", "DDP_TRAIN_MIN_NODES", "DDP_TRAIN_MODULES", "DDP_TRAIN_MPI",
    "DDP_TRAIN_NETWORK", "DDP_TRAIN_PACKAGE", "DDP_TRAIN_PLACE", "DDP_TRAIN_RANKS",
    "DDP_TRAIN_RESTARTS", "DDP_TRAIN_SSH", "DDP_TRAIN_START", "DDP_TRAIN_TRIES",
  ]

  /// A sentence for each variable of `environment` that nobody reads, or whose value says nothing.
  static func complaints(_ environment: [String: String]) -> [String] {
    environment.sorted { $0.key < $1.key }.compactMap { name, value in
      guard name.hasPrefix(prefix) else { return nil }
      if switches.contains(name) {
        return ["", "0", "1"].contains(value) ? nil : "\(name) is '\(value)'; give 0 or 1"
      }
      if others.contains(name) { return nil }
      let all = switches + others
      let nearest = all.min { NearestName.distance(name, $0) < NearestName.distance(name, $1) }
      return "nobody reads \(name) of the environment"
        + (nearest.map { NearestName.distance(name, $0) < 3 ? "; did you mean \($0)?" : "" } ?? "")
    }
  }

  /// Whether the switch `name` is on in `environment`; `value` where it is not set.
  static func isOn(
    _ name: String, in environment: [String: String], unset value: Bool
  ) -> Bool {
    environment[name].map { !["", "0"].contains($0) } ?? value
  }
}
