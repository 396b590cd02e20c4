package import Collectives
private import Foundation
private import Glibc
internal import Threads

/// A run folder taken by this job: no other job writes to it while the claim lives.
///
/// A folder of its own is made at once, so that jobs that start in one second do not share it; a
/// lock on `.lock` keeps a second job out of the folder of one that lives. Where it cannot, because
/// the first one is cut off on a host that lives on, `RunOwnership` keeps that one from writing.
package final class RunFolderClaim {
  /// The folder that is taken.
  package let folder: RunFolder
  private var lock: Int32 = -1
  private var ownership: RunOwnership?
  private var isFresh = false
  /// The folders above it that were made for it, the deepest first.
  private var madeAbove: [String] = []

  /// Takes the folder `named`, or a fresh one with `word` in its name, for all ranks; a collective.
  /// Rank 0 makes and locks it where the run `writes`. `onWait` is called, with the second in which
  /// the wait began, while an earlier start of the job still has it. Throws `RunFolderError` and
  /// what `onWait` throws.
  package static func take(
    _ named: String?, orFreshWith word: String, writes: Bool, communicator: any Communicator,
    onWait: (_ start: Double) throws -> Void
  ) throws -> RunFolderClaim {
    let own = try RunFolderClaim(
      named, word: word, isOwner: communicator.rank == 0 && writes, onWait: onWait)
    let path = try communicator.share(own.folder.path, from: 0)
    return communicator.rank == 0 ? own : RunFolderClaim(path: path)
  }

  /// The folder `path`, taken by another rank.
  private init(path: String) { folder = RunFolder(path: path) }

  private init(
    _ named: String?, word: String, isOwner: Bool, onWait: (Double) throws -> Void
  ) throws {
    var path = named ?? Self.freshName(word)
    if isOwner {
      madeAbove = Self.missing(above: path)
      if named == nil {
        path = try Self.makeFresh(path)
        isFresh = true
      } else {
        isFresh = access(path, F_OK) != 0
        try RunFolder(path: path).create()
      }
      let job = JobIdentity.current
      lock = try Self.lock(path, for: job, onWait: onWait)
      ownership = try RunOwnership(taking: path, for: job)
      RunFolder(path: path).removeLeftovers()
    }
    folder = RunFolder(path: path)
  }

  /// The folders above `path` that are not there, the deepest first.
  private static func missing(above path: String) -> [String] {
    var missing: [String] = []
    var rest = path[...]
    while true {
      while rest.hasSuffix("/") { rest.removeLast() }
      guard let cut = rest.lastIndex(of: "/") else { return missing }
      rest = rest[..<cut]
      guard !rest.isEmpty, access(String(rest), F_OK) != 0 else { return missing }
      missing.append(String(rest))
    }
  }

  /// Throws `RunFolderError.lost` where another job has taken the folder since; never on other
  /// ranks.
  package var checkOwner: @Sendable () throws -> Void {
    let ownership = ownership
    return { try ownership?.check() }
  }

  /// Gives the folder up; one that was made for a run that never began is removed.
  package func release() {
    guard lock >= 0 else { return }
    if isFresh, !FileManager.default.fileExists(atPath: folder.configuration) {
      unlink(folder.path + "/.lock")
      unlink(folder.path + "/" + RunOwnership.fileName)
      rmdir(folder.checkpoints)
      rmdir(folder.path)
      // Another run may have come into them.
      for path in madeAbove { rmdir(path) }
    }
    close(lock)
    lock = -1
  }

  /// `runs/TIME-WORD`.
  private static func freshName(_ word: String) -> String {
    let formatter = DateFormatter()
    formatter.dateFormat = "yyyyMMdd-HHmmss"
    formatter.locale = Locale(identifier: "en_US_POSIX")
    return "runs/\(formatter.string(from: Date()))-\(word)"
  }

  /// Makes the folder `base`, or `base-2` and so on where another job was faster.
  private static func makeFresh(_ base: String) throws -> String {
    mkdir("runs", 0o777)
    var path = base
    var number = 2
    while mkdir(path, 0o777) != 0 {
      guard errno == EEXIST else { throw RunFolderError.unwritable(path: path, code: errno) }
      path = "\(base)-\(number)"
      number += 1
    }
    try RunFolder(path: path).create()
    return path
  }

  /// Seconds that a job waits for an earlier start of its own, whose ranks may be on their way out.
  private static let earlierStartSeconds = 30.0

  private static func lock(
    _ path: String, for job: JobIdentity, onWait: (Double) throws -> Void
  ) throws -> Int32 {
    let name = path + "/.lock"
    let file = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw RunFolderError.unwritable(path: name, code: errno) }
    let start = Clock.seconds
    while flock(file, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK {
      guard let owner = RunOwnership.owner(of: path), owner.job.isEarlierStart(of: job) else {
        close(file)
        throw RunFolderError.taken(path: path)
      }
      // Cut off, it may hold the lock for as long as it lives; it loses the folder, not its lock.
      if Clock.seconds - start > earlierStartSeconds { return file }
      do {
        try onWait(start)
      } catch {
        close(file)
        throw error
      }
      usleep(100_000)
    }
    // Some network file systems have no locks; then there is none.
    return file
  }
}
