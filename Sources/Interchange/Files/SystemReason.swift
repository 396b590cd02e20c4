#if canImport(Glibc)
  private import Glibc
#else
  private import Darwin
#endif

/// What the system has against an opening, a reading or a writing.
package enum SystemReason {
  /// The system's text for the error `code`, with what to do where a limit is the cause.
  package static func text(_ code: Int32) -> String {
    let text = String(cString: strerror(code))
    return switch code {
    case EMFILE:
      "\(text) in this process; raise the limit (ulimit -n, a job's or a container's)"
    case ENFILE: "\(text) on this host (sysctl fs.file-max)"
    default: text
    }
  }
}
