private import Foundation
private import Glibc
private import Synchronization

/// Where results and receipts go: whether all of them have arrived is known at the end.
package enum StandardOutput {
  /// What the system said of the first result that could not be written, 0 where all were.
  private static let failure = Mutex<Int32>(0)

  /// Gives the process a standard output and error where it was started without: a file that is
  /// opened later must not become one of them, and get what is printed between its own bytes.
  ///
  /// What is then written there fails, as it should.
  package static func reserve() {
    for file in STDIN_FILENO...STDERR_FILENO where fcntl(file, F_GETFD) < 0 {
      _ = open("/dev/null", O_RDONLY)
    }
  }

  /// Prints a line of a result; what goes wrong is kept for `complaint`.
  package static func print(_ line: String) {
    let code = put(line + "\n", on: STDOUT_FILENO)
    guard code != 0 else { return }
    failure.withLock { if $0 == 0 { $0 = code } }
  }

  /// One sentence where a result was not written whole, for the end of the process; nil where all
  /// is well.
  package static var complaint: String? {
    let code = failure.withLock { $0 }
    guard code != 0 else { return nil }
    return "standard output cannot be written to (\(String(cString: strerror(code)))): what was to "
      + "be printed is not all there; give it a place with space that stays open"
  }

  /// Writes a line on standard error, where there is one that takes it.
  package static func complain(_ line: String) { _ = put(line + "\n", on: STDERR_FILENO) }

  /// Writes `text` in as few calls as the system allows, so that lines of several processes do not
  /// mix; returns 0, or what the system has against it.
  static func put(_ text: String, on file: Int32) -> Int32 {
    let bytes = Array(text.utf8)
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.write(file, $0.baseAddress! + done, bytes.count - done)
      }
      if count > 0 {
        done += count
      } else if count < 0, errno == EAGAIN || errno == EWOULDBLOCK {
        // Somebody else has made the pipe one that does not wait.
        var ready = pollfd(fd: file, events: Int16(POLLOUT), revents: 0)
        _ = poll(&ready, 1, 1000)
      } else if count == 0 || errno != EINTR {
        return count == 0 ? EIO : errno
      }
    }
    return 0
  }
}
