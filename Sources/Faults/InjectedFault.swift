package import Collectives
internal import Configuration
private import Glibc
internal import Threads

/// Something that one rank does wrong on purpose, at the end of a step: `--inject`, for tests
/// alone.
package struct InjectedFault: Sendable, Equatable {
  /// What goes wrong.
  package enum Kind: String, Sendable, CaseIterable {
    /// The main thread stops for ever; the process lives.
    case hang
    /// The rank works on for `seconds` while the others wait.
    case slow
    /// The rank asks for more memory than there is.
    case memory
    /// The rank does what the language traps.
    case trap
    /// The rank dies of SIGKILL.
    case kill
    /// The rank stops, as by SIGSTOP.
    case stop
  }

  /// What happens.
  package let kind: Kind
  /// To whom.
  package let rank: Int
  /// After how many steps.
  package let step: Int
  /// For how long, where it passes.
  package var seconds = 0.0

  /// Reads `KIND:rank=R,step=S[,seconds=T]`; throws `ConfigurationError`.
  package init(argument: String) throws {
    let parts = argument.split(separator: ":", maxSplits: 1).map(String.init)
    guard let kind = parts.first.flatMap(Kind.init) else {
      throw ConfigurationError(
        NearestName.complaint(
          "fault", parts.first ?? argument, among: Kind.allCases.map(\.rawValue)))
    }
    var numbers: [String: Double] = [:]
    for part in (parts.count > 1 ? parts[1] : "").split(separator: ",") {
      let pair = part.split(separator: "=").map(String.init)
      guard pair.count == 2, let number = Double(pair[1]) else {
        throw ConfigurationError("'\(part)' is not NAME=NUMBER")
      }
      numbers[pair[0]] = number
    }
    guard let rank = numbers["rank"], let step = numbers["step"] else {
      throw ConfigurationError("'\(argument)' needs rank=R and step=S")
    }
    self.kind = kind
    self.rank = Int(rank)
    self.step = Int(step)
    seconds = numbers["seconds"] ?? 0
  }

  /// Goes wrong; a rank that is slow tells `progress` that it lives.
  package func happen(_ progress: RankProgress) {
    switch kind {
    case .hang: while true { sleep(1000) }
    case .slow:
      let start = Clock.seconds
      while Clock.seconds - start < seconds {
        progress.tick()
        usleep(50_000)
      }
    case .memory:
      let count = 1 << 46
      let pages = UnsafeMutablePointer<UInt8>.allocate(capacity: count)
      pages.initialize(repeating: 1, count: count)
    case .trap: preconditionFailure("a trap for tests")
    case .kill: raise(SIGKILL)
    case .stop: raise(SIGSTOP)
    }
  }
}
