internal import Collectives

/// Compares what ranks need with what their hosts have, before any of it is taken: a process that
/// is killed for memory says nothing.
package enum MemoryCheck {
  /// A host that could not hold its ranks if it did nothing else.
  package struct Failure: Error, CustomStringConvertible {
    /// The host that has too little.
    package let host: String
    /// What its ranks want together.
    package let neededBytes: Int
    /// What it has.
    package let totalBytes: Int

    package var description: String {
      "the ranks on \(host) need \(neededBytes >> 20) MiB, and it has \(totalBytes >> 20) MiB in all; "
        + MemoryCheck.remedy
    }
  }

  fileprivate static let remedy =
    "take fewer --threads, a smaller --microbatch, another --model, or more hosts"

  /// The ranks of a host and its memory.
  private struct Host {
    let name: String
    var neededBytes = 0
    var takenBytes = 0
    var freeBytes = Int.max
    var totalBytes = Int.max
  }

  /// Warns of hosts that have not `neededBytes` free for each of their ranks as it has said, of
  /// which it has `takenBytes` by now; a collective. Where the ranks will take it, throws `Failure`
  /// for a host that could never hold them; else, as in a dry run, says what each host has.
  package static func run(
    neededBytes: Int, takenBytes: Int = 0, in session: Session, willBeTaken: Bool = true
  ) throws {
    for host in try hosts(neededBytes, takenBytes, session) {
      if !willBeTaken {
        session.console.say(
          "memory on \(host.name): \(host.neededBytes >> 20) MiB needed beside the photos, "
            + "\(host.freeBytes >> 20) MiB free of \(host.totalBytes >> 20) MiB")
      } else if host.neededBytes > host.totalBytes {
        throw Failure(
          host: host.name, neededBytes: host.neededBytes, totalBytes: host.totalBytes)
      }
      if host.neededBytes - host.takenBytes > host.freeBytes {
        session.console.warn(
          "the ranks on \(host.name) need \(host.neededBytes >> 20) MiB, of which "
            + "\(host.freeBytes >> 20) MiB are free: the system may end them; " + remedy)
      }
    }
  }

  /// Whether every host could hold `neededBytes` of each of its ranks if it did nothing else; a
  /// collective, with the same answer on all ranks.
  package static func isHeld(neededBytes: Int, in session: Session) throws -> Bool {
    try hosts(neededBytes, 0, session).allSatisfy { $0.neededBytes <= $0.totalBytes }
  }

  private static func hosts(
    _ neededBytes: Int, _ takenBytes: Int, _ session: Session
  ) throws -> [Host] {
    let own = HostMemory.current
    let all = try session.communicator.allGather(
      value: [session.communicator.hostName]
        + [neededBytes, own.freeBytes, own.totalBytes, takenBytes].map { "\($0)" })
    var hosts: [Host] = []
    for fields in all {
      let numbers = fields.dropFirst().map { Int($0) ?? 0 }
      let place = hosts.firstIndex { $0.name == fields[0] } ?? hosts.count
      if place == hosts.count { hosts.append(Host(name: fields[0])) }
      hosts[place].neededBytes += numbers[0]
      hosts[place].takenBytes += numbers[3]
      hosts[place].freeBytes = min(hosts[place].freeBytes, numbers[1])
      hosts[place].totalBytes = min(hosts[place].totalBytes, numbers[2])
    }
    return hosts
  }
}
