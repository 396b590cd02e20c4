#if canImport(Glibc)
  private import Glibc
#else
  private import Darwin
#endif

/// Ends the process with one line and status 1 where the system gives no more of what the work
/// needs: no mistake of the program, and nothing that the caller could go on without.
package enum Shortage {
  /// Ends for want of `bytes` of memory, for which the system has the error `code` (`ENOMEM`).
  package static func ofMemory(_ bytes: Int, code: Int32) -> Never {
    let amount = bytes < 1 << 20 ? "\(bytes) bytes" : "\((bytes + 1 << 20 - 1) >> 20) MiB"
    end(
      "cannot get \(amount) of memory: \(reason(code)); take fewer --threads, a smaller --microbatch "
        + "or another --model, or raise the limit (ulimit -v, a job's or a container's)")
  }

  /// Ends for want of a thread to do `work`, for which the system has the error `code` (`EAGAIN`).
  package static func ofThreads(_ work: String, code: Int32) -> Never {
    end(
      "cannot start \(work): \(reason(code)); take fewer --threads, or raise the limits (ulimit -u, "
        + "ulimit -v, a job's or a container's)")
  }

  private static func reason(_ code: Int32) -> String { String(cString: strerror(code)) }

  private static func end(_ sentence: String) -> Never {
    let line = Array("ddp-train: \(sentence)\n".utf8)
    _ = line.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    _exit(1)
  }
}
