private import Foundation
private import Glibc

/// The job of a batch system that this process belongs to.
package struct JobIdentity: Sendable, Equatable {
  /// SLURM_JOB_ID; nil outside a batch system.
  package let id: String?
  /// SLURM_RESTART_COUNT: how often the job was requeued.
  package let restart: Int

  /// The job `id` of the queueing system, started for the `restart`th time again.
  package init(id: String?, restart: Int) {
    self.id = id
    self.restart = restart
  }

  static var current: JobIdentity {
    let environment = ProcessInfo.processInfo.environment
    return JobIdentity(
      id: environment["SLURM_JOB_ID"].flatMap { $0.isEmpty ? nil : $0 },
      restart: environment["SLURM_RESTART_COUNT"].flatMap { Int($0) } ?? 0)
  }

  /// Whether `job` is this one, started again later.
  package func isEarlierStart(of job: JobIdentity) -> Bool {
    id != nil && id == job.id && restart < job.restart
  }
}

/// Who may write in a run folder: the newest claim, by number.
///
/// The file `.owner` holds one claim. Every job that begins writes its own, numbered one higher;
/// and whoever finds another claim there than its own writes nothing more, however much alive it
/// is: a rank that was cut off cannot overwrite or delete what its successor does. The file is
/// overwritten in place, because network file systems show a changed file at its next opening,
/// while an exchanged name may stay in their caches for a minute.
package final class RunOwnership: Sendable {
  /// The file in the run folder that names who has it.
  package static let fileName = ".owner"
  /// Of the file, padded with blanks, so that claims overwrite one another whole.
  private static let byteCount = 512

  /// One claim, a line of the file.
  package struct Claim: Sendable, Equatable {
    /// One more than that of the claim before it.
    package var generation: Int
    /// Tells two claims of one number apart.
    var token: String
    var job: JobIdentity
    var host: String
    var process: Int

    /// The line of the file, without its padding.
    package var text: String {
      "generation=\(generation) token=\(token) job=\(job.id ?? "none") restart=\(job.restart) "
        + "host=\(host) pid=\(process)"
    }

    init(generation: Int, token: String, job: JobIdentity, host: String, process: Int) {
      self.generation = generation
      self.token = token
      self.job = job
      self.host = host
      self.process = process
    }

    /// Reads what `text` wrote; nil for anything else.
    package init?(text: String) {
      var fields: [Substring: String] = [:]
      for word in text.split(whereSeparator: \.isWhitespace) {
        let pair = word.split(separator: "=", maxSplits: 1)
        guard pair.count == 2 else { return nil }
        fields[pair[0]] = String(pair[1])
      }
      guard let generation = fields["generation"].flatMap({ Int($0) }),
        let token = fields["token"], let job = fields["job"],
        let restart = fields["restart"].flatMap({ Int($0) }), let host = fields["host"],
        let process = fields["pid"].flatMap({ Int($0) })
      else { return nil }
      self.init(
        generation: generation, token: token,
        job: JobIdentity(id: job == "none" ? nil : job, restart: restart), host: host,
        process: process)
    }

    /// The claim in words for a message.
    var owner: String {
      (job.id.map { "job \($0) (restart \(job.restart))" } ?? "process \(process)") + " on \(host)"
    }
  }

  /// What this job has written there.
  package let claim: Claim
  private let folder: String

  /// Takes `folder` for `job`; throws `RunFolderError.superseded` where a later start of it has it.
  package init(taking folder: String, for job: JobIdentity) throws {
    self.folder = folder
    let before = Self.owner(of: folder)
    if let before, job.isEarlierStart(of: before.job) {
      throw RunFolderError.superseded(path: folder, owner: before.owner)
    }
    var host = [CChar](repeating: 0, count: 256)
    gethostname(&host, host.count - 1)
    claim = Claim(
      generation: (before?.generation ?? 0) + 1,
      token: String(UInt64.random(in: .min ... .max), radix: 16), job: job,
      host: String(decoding: host.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self),
      process: Int(getpid()))
    try write()
  }

  /// The claim in `folder`; nil where there is none, or one amid its writing.
  package static func owner(of folder: String) -> Claim? {
    guard let bytes = FileManager.default.contents(atPath: folder + "/" + fileName) else {
      return nil
    }
    return Claim(text: String(decoding: bytes, as: UTF8.self))
  }

  /// Throws `RunFolderError.lost` where the folder is another job's by now.
  package func check() throws {
    guard let owner = Self.owner(of: folder), owner != claim else { return }
    throw RunFolderError.lost(path: folder, owner: owner.owner)
  }

  private func write() throws {
    let path = folder + "/" + Self.fileName
    let file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw RunFolderError.unwritable(path: path, code: errno) }
    defer { close(file) }
    let text = Array(claim.text.utf8).prefix(Self.byteCount - 1)
    let bytes = text + [UInt8](repeating: 32, count: Self.byteCount - 1 - text.count) + [10]
    let written = bytes.withUnsafeBytes { pwrite(file, $0.baseAddress, $0.count, 0) }
    guard written == bytes.count, fsync(file) == 0 else {
      throw RunFolderError.unwritable(path: path, code: written < 0 ? errno : ENOSPC)
    }
  }
}
