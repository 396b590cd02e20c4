internal import CheckpointParts
package import Configuration
private import Foundation
private import Glibc
internal import Interchange
package import Threads

/// The checkpoints folder of a run: writes in the background, keeps what is to be kept.
///
/// Files are `step-000000042.safetensors`; `best.safetensors` links to the one after the best
/// evaluation. One thread of training uses a store.
package final class CheckpointStore: @unchecked Sendable {
  let folder: String
  private let keep: Int
  private let lock = NSLock()
  /// Whoever writes has it.
  private let turn = DispatchSemaphore(value: 1)
  private var failure: (any Error)?
  private var lastWritten: String?
  private let checkOwner: @Sendable () throws -> Void
  private let onFullDisk: FullDiskPolicy
  /// Steps whose checkpoints found no space, and which nobody was told of.
  private var unwritten: [Int] = []
  /// What else nobody was told of.
  private var notices: [String] = []

  /// Keeps the newest `keep` checkpoints, beside those that are asked to stay. `checkOwner` throws
  /// where the folder is another job's by now, and then nothing in it is touched. On a full disk
  /// the store goes on with `onFullDisk` at `continue`, and else fails.
  package init(
    folder: String, keep: Int, onFullDisk: FullDiskPolicy = .stop,
    checkOwner: @escaping @Sendable () throws -> Void = {}
  ) {
    self.folder = folder
    self.keep = max(1, keep)
    self.onFullDisk = onFullDisk
    self.checkOwner = checkOwner
    removeLeftovers()
  }

  /// Removes what a killed write has left; the folder is this job's alone.
  private func removeLeftovers() {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    for name in names where name.hasPrefix("step-") && name.hasSuffix(".tmp") {
      unlink(folder + "/" + name)
    }
    // Parts whose checkpoint never came to be.
    let steps = Self.steps(in: folder)
    for name in names where HeadParts.isPart(name) {
      if !steps.contains(where: { HeadParts.isPart(name, ofStep: $0) }) {
        unlink(folder + "/" + name)
      }
    }
  }

  /// The name of the file of `step` steps, such as `step-000000042.safetensors`.
  package static func name(step: Int) -> String { CheckpointNames.file(step: step) }

  /// The step in the name of a checkpoint file; nil for other files.
  static func step(ofFile name: String) -> Int? {
    guard name.hasPrefix("step-"), name.hasSuffix(".safetensors") else { return nil }
    return Int(name.dropFirst(5).dropLast(12))
  }

  func path(step: Int) -> String { folder + "/" + Self.name(step: step) }

  /// The newest checkpoint that is known to be whole.
  package var lastGood: String? {
    lock.lock()
    defer { lock.unlock() }
    return lastWritten
  }

  /// Whether the newest whole checkpoint is that of `step`.
  package func holds(step: Int) -> Bool { lastGood == path(step: step) }

  /// Takes the file at `path` for the newest that is whole, as that of a run that goes on from it.
  package func noteGood(_ path: String) {
    lock.lock()
    lastWritten = path
    lock.unlock()
  }

  /// Whether nothing is being written.
  package var isIdle: Bool {
    guard turn.wait(timeout: .now()) == .success else { return false }
    turn.signal()
    return true
  }

  /// Waits until nothing is being written, so that nobody reads the copy that the last snapshot was
  /// of; at most `seconds`, where they are given.
  package func waitUntilIdle(atMost seconds: Double? = nil) {
    if turn.wait(timeout: seconds.map { .now() + $0 } ?? .distantFuture) == .success {
      turn.signal()
    }
  }

  /// Writes what `snapshot` gives in the background; waits first for the write before, so that
  /// `snapshot` may copy to where that one is read from. `protected` are the steps whose files
  /// stay; `isBest` makes `best.safetensors` point to this one. Throws what went wrong with the
  /// write before.
  package func writeInBackground(
    protected: Set<Int>, isBest: Bool, _ snapshot: () -> Snapshot
  ) throws {
    turn.wait()
    if let failure {
      self.failure = nil
      turn.signal()
      throw failure
    }
    let snapshot = snapshot()
    let code = DetachedWork.start { [self] in
      writeAndSignal(snapshot, protected: protected, isBest: isBest)
    }
    // Without a thread steps wait for the disk.
    if code != 0 { writeAndSignal(snapshot, protected: protected, isBest: isBest) }
  }

  private func writeAndSignal(_ snapshot: Snapshot, protected: Set<Int>, isBest: Bool) {
    do {
      try write(snapshot, protected: protected, isBest: isBest)
    } catch InterchangeError.noSpace where onFullDisk == .continue {
      lock.withLock { unwritten.append(snapshot.step) }
    } catch {
      failure = error
    }
    turn.signal()
  }

  /// Waits for the write in the background; throws what went wrong with it.
  package func finish() throws {
    turn.wait()
    defer { turn.signal() }
    if let failure {
      self.failure = nil
      throw failure
    }
  }

  /// Throws what went wrong with a background write that has ended; does not wait for one.
  package func throwFailure() throws {
    guard turn.wait(timeout: .now()) == .success else { return }
    defer { turn.signal() }
    if let failure {
      self.failure = nil
      throw failure
    }
  }

  /// A sentence for each checkpoint that found no space since the last call, and for each that is
  /// the best and could not be named so.
  package func takeNotices() -> [String] {
    lock.withLock {
      defer { (unwritten, notices) = ([], []) }
      return notices
        + unwritten.map { step in
          "no space left for the checkpoint of step \(step) in \(folder): "
            + (lastWritten.map { "\($0) stays the last one" } ?? "there is none yet")
            + "; training goes on and the next one tries again (--on-full-disk)"
        }
    }
  }

  /// Writes `snapshot` here and now, after the one in the background, and then drops what is not to
  /// be kept, as `writeInBackground`; nothing at all where that step is on disk already.
  package func writeNow(_ snapshot: Snapshot, protected: Set<Int>) throws {
    turn.wait()
    defer { turn.signal() }
    failure = nil
    guard !holds(step: snapshot.step) else { return }
    try snapshot.write(to: path(step: snapshot.step), beforeCommit: checkOwner)
    noteGood(path(step: snapshot.step))
    prune(upTo: snapshot.step, protected: protected.union([snapshot.step]))
  }

  private func write(_ snapshot: Snapshot, protected: Set<Int>, isBest: Bool) throws {
    let path = path(step: snapshot.step)
    try snapshot.write(to: path, beforeCommit: checkOwner)
    noteGood(path)
    if isBest { linkBest(to: Self.name(step: snapshot.step)) }
    prune(upTo: snapshot.step, protected: protected.union([snapshot.step]))
  }

  /// Makes `best.safetensors` the checkpoint `name`: a symbolic link, or where the file system has
  /// none (exFAT, many network shares) another name of the file, or a copy.
  private func linkBest(to name: String) {
    let (best, temporary) = (folder + "/best.safetensors", folder + "/best.new")
    unlink(temporary)
    let isMade =
      symlink(name, temporary) == 0 || link(folder + "/" + name, temporary) == 0
      || (try? FileManager.default.copyItem(atPath: folder + "/" + name, toPath: temporary)) != nil
    if isMade, rename(temporary, best) == 0 { return }
    let reason = SystemReason.text(errno)
    unlink(temporary)
    lock.withLock {
      notices.append("\(best) could not be made \(name), the best checkpoint: \(reason)")
    }
  }

  /// Files of later steps are not the run's own (it went on from before them) and do not count.
  private func prune(upTo last: Int, protected: Set<Int>) {
    let steps = Self.steps(in: folder).filter { $0 <= last }
    // What the link leads to stays: it may be the best of other pairs than those of the moment.
    let best = try? FileManager.default.destinationOfSymbolicLink(
      atPath: folder + "/best.safetensors")
    let linked = best.flatMap(Self.step(ofFile:))
    let gone = steps.dropLast(keep).filter { !protected.contains($0) && $0 != linked }
    guard !gone.isEmpty else { return }
    for step in gone { unlink(path(step: step)) }
    // Behind the checkpoints that name them.
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    for name in names where gone.contains(where: { HeadParts.isPart(name, ofStep: $0) }) {
      unlink(folder + "/" + name)
    }
  }

  /// The steps of all checkpoint files of a folder, ascending.
  package static func steps(in folder: String) -> [Int] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.compactMap(Self.step(ofFile:)).sorted()
  }

  /// Whether two paths lead to one file.
  package static func isSameFile(_ a: String, _ b: String) -> Bool {
    URL(fileURLWithPath: a).resolvingSymlinksInPath().path
      == URL(fileURLWithPath: b).resolvingSymlinksInPath().path
  }

  /// The newest checkpoint of `folder` that verifies, and why newer ones were refused; `holdsBytes`
  /// `needsHead` and `meter` as with a checkpoint.
  package static func newestGood(
    in folder: String, needsHead: Bool = true, holdsBytes: Bool = false, meter: WorkMeter? = nil
  ) -> (checkpoint: Checkpoint?, refused: [String]) {
    var refused: [String] = []
    for step in steps(in: folder).reversed() {
      let path = folder + "/" + name(step: step)
      do {
        let checkpoint = try Checkpoint(
          path: path, needsHead: needsHead, holdsBytes: holdsBytes, meter: meter)
        return (checkpoint, refused)
      } catch {
        refused.append("\(error)")
      }
    }
    return (nil, refused)
  }

  /// Whether `path` is a folder, which may be that of a run, or a file that says it is a
  /// checkpoint.
  package static func mayMeanCheckpoint(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { return false }
    return isFolder.boolValue
      || (try? SafetensorsFile(path: path))?.metadata[Checkpoint.formatKey] != nil
  }

  /// The checkpoint that CHECKPOINT on the command line means: a file, or a run folder's (or its
  /// checkpoints folder's) newest good one; without `needsHead` one that lacks parts of its head,
  /// where a folder has none that is whole. Throws `CheckpointError` or `InterchangeError`.
  package static func open(
    _ path: String, needsHead: Bool = true, holdsBytes: Bool = false, meter: WorkMeter? = nil
  ) throws -> (checkpoint: Checkpoint, refused: [String]) {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw CheckpointError.nothingGood(folder: path, reasons: ["there is no such file or folder"])
    }
    guard isFolder.boolValue else {
      let checkpoint = try Checkpoint(
        path: path, needsHead: needsHead, holdsBytes: holdsBytes, meter: meter)
      return (checkpoint, [])
    }
    var refused: [String] = []
    for needsHead in needsHead ? [true] : [true, false] {
      refused = []
      for folder in [path + "/checkpoints", path] {
        let found = newestGood(
          in: folder, needsHead: needsHead, holdsBytes: holdsBytes, meter: meter)
        refused += found.refused
        if let checkpoint = found.checkpoint { return (checkpoint, refused) }
      }
    }
    throw CheckpointError.nothingGood(folder: path, reasons: refused)
  }
}
