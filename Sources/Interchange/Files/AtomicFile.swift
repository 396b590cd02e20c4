private import Preconditions

#if canImport(Glibc)
  private import Glibc
#else
  private import Darwin
#endif

/// A file that appears under its name whole or not at all: written beside it, synced, renamed.
///
/// Bytes go to `NAME.PID.tmp` in the same folder, which a file that is dropped before `commit`
/// removes. Where the name is a link to a file, that file is replaced and the link stays; a device
/// or a pipe, such as /dev/stdout, is written to as it is.
package struct AtomicFile: ~Copyable {
  /// Where the file will be when it is whole.
  package let path: String
  /// What is renamed into what; nil for what is written to as it is.
  private let names: (temporary: String, final: String)?
  private let descriptor: Int32
  private var isClosed = false

  /// The most bytes of a file's name, NAME_MAX of limits.h.
  private static let longestName = 255

  /// Opens the temporary file for writing; throws `InterchangeError.unwritable` or `.noSpace`.
  package init(path: String) throws {
    let names = try Self.replacedFile(path).map { (Self.temporaryName(of: $0), $0) }
    let descriptor =
      names.map { open($0.0, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644) }
      ?? open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NONBLOCK)
    if descriptor < 0 {
      if errno == ENXIO {
        throw InterchangeError.unwritable(path: path, reason: "nobody reads this pipe")
      }
      throw writeFailure(path)
    }
    // Whoever reads may be slower than what is written.
    if names == nil { _ = fcntl(descriptor, F_SETFL, O_WRONLY | O_APPEND) }
    self.path = path
    self.names = names.map { (temporary: $0.0, final: $0.1) }
    self.descriptor = descriptor
  }

  deinit {
    if isClosed { return }
    close(descriptor)
    if let names { unlink(names.temporary) }
  }

  /// The file that a file named `path` takes the place of; nil for what has no place, as a device.
  private static func replacedFile(_ path: String) throws -> String? {
    // They lead to wherever this process's output goes, and that may be a file.
    if ["/dev/std", "/dev/fd/", "/proc/"].contains(where: path.hasPrefix) { return nil }
    var facts = stat()
    guard stat(path, &facts) == 0 else { return path }
    switch facts.st_mode & S_IFMT {
    case S_IFREG: break
    case S_IFDIR: throw InterchangeError.unwritable(path: path, reason: "it is a folder")
    default: return nil
    }
    guard lstat(path, &facts) == 0, facts.st_mode & S_IFMT == S_IFLNK,
      let target = realpath(path, nil)
    else { return path }
    defer { free(target) }
    return String(cString: target)
  }

  /// `NAME.PID.tmp`, of a name that would be too long its beginning.
  private static func temporaryName(of path: String) -> String {
    let ending = ".\(getpid()).tmp"
    let start = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
    var name = path[start...]
    while name.utf8.count + ending.utf8.count > longestName, !name.isEmpty { name.removeLast() }
    return String(path[..<start]) + name + ending
  }

  /// Writes all of `bytes` behind what was appended; throws `InterchangeError.unwritable` or
  /// `.noSpace`.
  package func append(_ bytes: UnsafeRawBufferPointer) throws {
    var rest = bytes
    while !rest.isEmpty {
      // Linux writes at most 2 GB in one call.
      let count = write(descriptor, rest.baseAddress, min(rest.count, 1 << 28))
      if count < 0 {
        if errno == EINTR { continue }
        throw writeFailure(path)
      }
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
  }

  /// Writes all of `bytes` behind what was appended; throws `InterchangeError.unwritable` or
  /// `.noSpace`.
  package func append(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try append($0) } }

  /// Whether what is appended is a new file, which takes the place of the one of that name.
  var isReplacing: Bool { names != nil }

  /// Puts `bytes` in the place of the first that were appended; the file is a new one. Throws as
  /// `append`.
  func overwriteStart(by bytes: [UInt8]) throws {
    require(isReplacing, "AtomicFile.overwriteStart: \(path) is a device or a pipe")
    try bytes.withUnsafeBytes { bytes in
      var done = 0
      while done < bytes.count {
        let count = pwrite(
          descriptor, bytes.baseAddress?.advanced(by: done), bytes.count - done, off_t(done))
        if count < 0 {
          if errno == EINTR { continue }
          throw writeFailure(path)
        }
        done += count
      }
    }
  }

  /// Brings the bytes to the disk, under no name yet: where several files belong together, none is
  /// committed before all are there. Throws `InterchangeError.unwritable` or `.noSpace`.
  package func sync() throws {
    if isReplacing, fsync(descriptor) != 0 { throw writeFailure(path) }
  }

  /// Syncs the bytes, gives the file its name and syncs the folder; without `syncing` a crash of
  /// the host may lose both. Throws `InterchangeError.unwritable`, and then the name is as it was.
  package consuming func commit(syncing: Bool = true) throws {
    if let names {
      if syncing, fsync(descriptor) != 0 { throw writeFailure(path) }
      if rename(names.temporary, names.final) != 0 { throw writeFailure(path) }
    }
    isClosed = true
    // Network file systems report some failures at close alone.
    if close(descriptor) != 0 { throw writeFailure(path) }
    if syncing, let names { try Self.syncFolder(of: names.final) }
  }

  private static func syncFolder(of path: String) throws {
    let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) }
    let descriptor = open(folder ?? ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if descriptor < 0 { throw writeFailure(path) }
    defer { close(descriptor) }
    // Some file systems cannot sync a folder and say so; the file itself is safe.
    if fsync(descriptor) != 0, errno != EINVAL, errno != ENOTSUP {
      throw writeFailure(path)
    }
  }
}

/// A file that is read by position.
final class PositionedFile: Sendable {
  let path: String
  /// Length in bytes when the file was opened.
  let byteCount: Int
  fileprivate let descriptor: Int32

  /// Opens a regular file; throws `InterchangeError.unreadable`.
  init(path: String) throws {
    // A pipe that nobody writes to would be waited for.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    if descriptor < 0 { throw InterchangeError.unreadable(path: path, reason: systemReason()) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw InterchangeError.unreadable(path: path, reason: "it is not a regular file")
    }
    self.path = path
    self.descriptor = descriptor
    byteCount = Int(status.st_size)
  }

  deinit { close(descriptor) }

  /// Overwrites all of `bytes` by those of the file from `offset`; throws
  /// `InterchangeError.unreadable`, or `.corrupt` where the file ends first.
  func read(at offset: Int, into bytes: UnsafeMutableRawBufferPointer) throws {
    var done = 0
    while done < bytes.count {
      let count = pread(
        descriptor, bytes.baseAddress?.advanced(by: done), min(bytes.count - done, 1 << 28),
        off_t(offset + done))
      if count < 0 {
        if errno == EINTR { continue }
        throw InterchangeError.unreadable(path: path, reason: systemReason())
      }
      if count == 0 {
        throw InterchangeError.corrupt(path: path, reason: "it ends at byte \(offset + done)")
      }
      done += count
    }
  }

  /// All bytes of the file; `onBytes` is told of every count that is read. Throws as
  /// `read(at:into:)`.
  func allBytes(onBytes: (Int) -> Void) throws -> [UInt8] {
    try [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, written in
      let piece = 16 << 20
      for start in stride(from: 0, to: byteCount, by: piece) {
        let count = min(piece, byteCount - start)
        try read(
          at: start,
          into: UnsafeMutableRawBufferPointer(start: buffer.baseAddress! + start, count: count))
        written = start + count
        onBytes(count)
      }
    }
  }

  /// The `count` bytes of the file from `offset`; throws as `read(at:into:)`.
  func bytes(at offset: Int, count: Int) throws -> [UInt8] {
    try [UInt8](unsafeUninitializedCapacity: count) { buffer, written in
      try read(
        at: offset,
        into: UnsafeMutableRawBufferPointer(start: buffer.baseAddress, count: count))
      written = count
    }
  }
}

/// The bytes of a file where they lie: the system brings pages as they are read, and takes them
/// back.
final class MappedFile: @unchecked Sendable {
  /// All bytes of the file.
  let bytes: UnsafeRawBufferPointer
  private let file: PositionedFile

  /// Maps `file`, which stays open as long; throws `InterchangeError.unreadable`.
  init(_ file: PositionedFile) throws {
    self.file = file
    guard file.byteCount > 0 else {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      return
    }
    let start = mmap(nil, file.byteCount, PROT_READ, MAP_SHARED, file.descriptor, 0)
    guard let start, start != MAP_FAILED else {
      throw InterchangeError.unreadable(path: file.path, reason: systemReason())
    }
    bytes = UnsafeRawBufferPointer(start: start, count: file.byteCount)
  }

  deinit {
    guard let start = bytes.baseAddress else { return }
    munmap(UnsafeMutableRawPointer(mutating: start), bytes.count)
  }
}

/// What errno says about a write to `path`.
private func writeFailure(_ path: String) -> InterchangeError {
  FullDisk.isTold(by: errno)
    ? .noSpace(path: path) : .unwritable(path: path, reason: systemReason())
}

private func systemReason() -> String { SystemReason.text(errno) }
