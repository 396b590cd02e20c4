private import CMPI
internal import Collectives
private import Glibc
private import Synchronization

/// The ways out of a job that is lost, each for the case that the one before does not work.
enum JobEnd {
  /// Seconds after which whoever launched this rank is killed, if it is an `mpirun` that still
  /// lives.
  private static let launcherSeconds = 8
  private static let hasGuard = Atomic<Bool>(false)

  /// Says why the job ends, to people, to the failure file and to the other ranks, and ends it.
  static func lost(
    _ sentence: String, _ progress: RankProgress?, _ heartbeat: Heartbeat?
  ) -> Never {
    MPIWorld.printLine("ddp-train: \(sentence)")
    leave(afterSeconds: 6)
    record(sentence, in: progress?.failureFile)
    heartbeat?.spreadEnd()
    abort()
  }

  /// Ends every rank of the job with status 1.
  ///
  /// MPI_Abort needs a live connection to the launcher and can wait for one for ever: this process
  /// then ends by itself, and a launcher that does not end is killed.
  static func abort() -> Never {
    leave(afterSeconds: 5)
    watchLauncher()
    _ = cmpi_abort(1)
    _exit(1)
  }

  /// Ends this process with status 1 after a while, whatever its threads are doing.
  static func leave(afterSeconds seconds: UInt32) {
    DetachedThread.start {
      sleep(seconds)
      watchLauncher()
      _exit(1)
    }
  }

  /// Writes the sentence that ends the job to `path`, unless the storage hangs, and below it the
  /// name that the launch scripts gave this start: ranks beyond a cut may write when the next one
  /// runs.
  static func record(_ line: String, in path: String?) {
    guard let path else { return }
    DetachedThread.start {
      guard let file = fopen(path, "w") else { return }
      let start = getenv("DDP_TRAIN_START").map { "start: \(String(cString: $0))\n" } ?? ""
      fputs(line + "\n" + start, file)
      fclose(file)
    }
  }

  /// Leaves a process behind that kills the launcher if that outlives its job, and what it started.
  static func watchLauncher() {
    guard let launcher, !hasGuard.exchange(true, ordering: .relaxed) else { return }
    // The 22nd field, when it began, tells the launcher from a later process of its number.
    let script = """
      began() { cut -d ' ' -f 22 "/proc/$1/stat" 2> /dev/null; }
      first=$(began \(launcher)); i=0
      while [ $i -lt \(launcherSeconds * 2) ]; do
        sleep 0.5; i=$((i + 1))
        [ -n "$first" ] && [ "$(began \(launcher))" = "$first" ] || exit 0
      done
      below() { for child in $(cat /proc/$1/task/*/children); do echo $child; below $child; done; }
      kill -KILL \(launcher) $(below \(launcher))
      """
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    for file: Int32 in 0...2 {
      posix_spawn_file_actions_addopen(&actions, file, "/dev/null", O_RDWR, 0)
    }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    // Launchers kill the group of a rank.
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
    let arguments: [UnsafeMutablePointer<CChar>?] = [
      strdup("/bin/sh"), strdup("-c"), strdup(script), nil,
    ]
    let environment: [UnsafeMutablePointer<CChar>?] = [strdup("PATH=/usr/bin:/bin"), nil]
    var child = pid_t()
    posix_spawn(&child, "/bin/sh", &actions, &attributes, arguments, environment)
  }

  /// The process that the user started the job with on this host: the highest ancestor called
  /// `mpirun` or the like, or nil. Hydra's and PRRTE's have one process between it and the ranks.
  private static var launcher: pid_t? {
    var found: pid_t?
    var process = getppid()
    while process > 1, let (name, parent) = identity(of: process) {
      if name.hasPrefix("mpirun") || name.hasPrefix("mpiexec") || name == "orterun"
        || name == "prterun"
      {
        found = process
      } else if !name.hasPrefix("hydra_") && name != "prted" {
        break
      }
      process = parent
    }
    return found
  }

  /// The name of the program that a process runs and its parent, as proc(5) has them; nil where it
  /// is gone.
  private static func identity(of process: pid_t) -> (name: String, parent: pid_t)? {
    guard let file = fopen("/proc/\(process)/stat", "r") else { return nil }
    defer { fclose(file) }
    let line = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 512) { buffer in
      let count = fread(buffer.baseAddress, 1, buffer.count, file)
      return String(decoding: buffer[..<count], as: UTF8.self)
    }
    // "PID (NAME) STATE PARENT ...", where a name may have brackets of its own.
    guard let open = line.firstIndex(of: "("), let close = line.lastIndex(of: ")"),
      let parent = line[close...].split(separator: " ").dropFirst(2).first.flatMap({ pid_t($0) })
    else { return nil }
    return (String(line[line.index(after: open)..<close]), parent)
  }
}
