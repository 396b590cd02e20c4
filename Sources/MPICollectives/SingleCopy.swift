private import CMPI
private import Glibc

/// How an MPI brings messages from rank to rank on one host: by copying from one process's memory
/// to another's, which containers and hardened hosts forbid. Open MPI finds out message by message,
/// complains of each, and goes through shared memory; MPICH 5 hands over bytes that nobody sent.
enum SingleCopy {
  /// What turns it off in the library that calls itself `library`, as name and value: for Open MPI
  /// 4, and 5; for MPICH. Intel MPI looks before it copies.
  private static func settings(of library: String) -> [(name: String, value: String)] {
    if library.hasPrefix("Open MPI") {
      return [("OMPI_MCA_btl_vader_single_copy_mechanism", "none"), ("OMPI_MCA_smsc", "^cma")]
    }
    return library.hasPrefix("MPICH") ? [("MPIR_CVAR_CH4_CMA_ENABLE", "0")] : []
  }

  /// Turns it off where the system forbids it and nobody has said what to do; returns what to say
  /// about it. To be called before MPI is initialised.
  static func turnOffWhereForbidden(in library: String) -> String? {
    let settings = settings(of: library)
    guard let first = settings.first, settings.allSatisfy({ getenv($0.name) == nil }) else {
      return nil
    }
    guard cmpi_may_copy_between_processes() == 0 || isRestricted else { return nil }
    for (name, value) in settings { setenv(name, value, 1) }
    return "this system does not let a process read another's memory (process_vm_readv): ranks of "
      + "one host send through shared memory, as with \(first.name)=\(first.value)"
  }

  /// Whether Yama keeps the call to administrators, and this process is none.
  private static var isRestricted: Bool {
    guard let scope = text(of: "/proc/sys/kernel/yama/ptrace_scope").first?.wholeNumberValue else {
      return false
    }
    if scope < 2 { return false }
    let line = text(of: "/proc/self/status").split(separator: "\n").first {
      $0.hasPrefix("CapEff:")
    }
    let capabilities = line.flatMap {
      UInt64($0.dropFirst("CapEff:".count).drop(while: \.isWhitespace), radix: 16)
    }
    // CAP_SYS_PTRACE, which counts for nothing from scope 3 on.
    return scope > 2 || (capabilities ?? 0) >> 19 & 1 == 0
  }

  private static func text(of path: String) -> String {
    guard let file = fopen(path, "r") else { return "" }
    defer { fclose(file) }
    return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 16_384) { buffer in
      let count = fread(buffer.baseAddress, 1, buffer.count, file)
      return String(decoding: buffer[..<count], as: UTF8.self)
    }
  }
}
