/// The instructions that the kernels are compiled for, looked for before any of them runs.
package enum ProcessorRequirements {
  /// The flags of `/proc/cpuinfo` that AVX2 and FMA kernels need (x86-64-v3).
  package static let flags = ["avx2", "fma", "bmi1", "bmi2", "f16c", "movbe"]

  /// The needed flags that the first processor of `processorInformation`, the text of
  /// `/proc/cpuinfo`, lacks; empty where the text names no flags.
  package static func missing(in processorInformation: String) -> [String] {
    for line in processorInformation.split(separator: "\n") where line.hasPrefix("flags") {
      let present = Set(line.split { $0 == " " || $0 == "\t" || $0 == ":" })
      return flags.filter { !present.contains(Substring($0)) }
    }
    return []
  }

  /// One sentence that says which instructions are missing and what to do.
  package static func complaint(missing: [String]) -> String {
    "this CPU lacks \(missing.joined(separator: ", ")), which the kernels are compiled for; "
      + "run on a CPU with AVX2 and FMA (Intel since Haswell, AMD since Zen), or build for this "
      + "one with DDP_TRAIN_MARCH=native swift build -c release and set "
      + "DDP_TRAIN_SKIP_CPU_CHECK=1"
  }
}
