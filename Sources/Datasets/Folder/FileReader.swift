#if canImport(Glibc)
  private import Glibc
#else
  private import Darwin
#endif
private import Interchange

/// Bytes in memory that grows and is kept.
package final class ByteBuffer: @unchecked Sendable {
  /// Bytes that it holds.
  package private(set) var count = 0
  private var capacity = 0
  private var start: UnsafeMutableRawPointer?

  /// An empty buffer, which grows as it is filled.
  package init() {}

  /// Has room for `capacity` bytes from the start.
  init(capacity: Int) {
    _ = resize(to: capacity)
    count = 0
  }

  deinit { start?.deallocate() }

  /// The bytes; valid until the next `resize` or `swap`.
  package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: start, count: count) }

  /// Makes room for `count` bytes; the contents are undefined afterwards.
  package func resize(to count: Int) -> UnsafeMutableRawBufferPointer {
    if count > capacity || start == nil {
      start?.deallocate()
      capacity = max(count + count / 4, 1 << 15)
      start = .allocate(byteCount: capacity, alignment: 16)
    }
    self.count = count
    return UnsafeMutableRawBufferPointer(start: start, count: count)
  }

  /// Overwrites the contents with a copy of `bytes`.
  package func set(_ bytes: UnsafeRawBufferPointer) {
    let room = resize(to: bytes.count)
    if bytes.count > 0 { room.copyMemory(from: bytes) }
  }

  /// Drops bytes past `count`.
  func truncate(to count: Int) { self.count = min(count, self.count) }

  /// Exchanges contents and memory with `other`, without copying.
  package func swap(with other: ByteBuffer) {
    Swift.swap(&count, &other.count)
    Swift.swap(&capacity, &other.capacity)
    Swift.swap(&start, &other.start)
  }
}

/// Reads whole regular files.
package enum FileReader {
  /// A photo file larger than this is refused unread.
  package static let sizeLimitBytes = 1 << 28

  /// Reads the file at `path` into `buffer`; throws `ImageError` with the system's reason.
  ///
  /// What a network file system may get over is tried once more before it counts.
  package static func read(_ path: String, into buffer: ByteBuffer) throws(ImageError) {
    do throws(ImageError) {
      try readOnce(path, into: buffer)
    } catch  where error.isOfMachine {
      usleep(100_000)
      try readOnce(path, into: buffer)
    }
  }

  /// The length of the file at `path`, nil where the system does not say.
  static func byteCount(of path: String) -> Int? {
    var facts = stat()
    return stat(path, &facts) == 0 ? Int(facts.st_size) : nil
  }

  private static func readOnce(_ path: String, into buffer: ByteBuffer) throws(ImageError) {
    // Without O_NONBLOCK a named pipe among the photos would stop the run for ever.
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else { throw failure("cannot be opened", errno, path) }
    defer { close(file) }
    var facts = stat()
    guard fstat(file, &facts) == 0 else { throw failure("cannot be read", errno, path) }
    guard facts.st_mode & S_IFMT == S_IFREG else {
      let isFolder = facts.st_mode & S_IFMT == S_IFDIR
      throw ImageError(description: isFolder ? "is a folder" : "is not a regular file")
    }
    guard facts.st_size <= sizeLimitBytes else {
      throw ImageError(description: "\(facts.st_size) bytes are more than \(sizeLimitBytes)")
    }
    let room = buffer.resize(to: Int(facts.st_size))
    var filled = 0
    while filled < room.count {
      let got = Self.read(file, room.baseAddress! + filled, room.count - filled)
      guard got >= 0 else { throw failure("cannot be read", errno, path) }
      if got == 0 { break }
      filled += got
    }
    buffer.truncate(to: filled)
  }

  /// What `code` says of `path`: a photo that the system cannot bring now, or a bad one.
  private static func failure(_ what: String, _ code: Int32, _ path: String) -> ImageError {
    let passing: [Int32] = [
      EIO, ESTALE, ETIMEDOUT, ENOTCONN, ECONNRESET, EHOSTDOWN, EHOSTUNREACH, EMFILE, ENFILE, ENOMEM,
      EAGAIN,
    ]
    var facts = stat()
    // A link to nowhere is a bad photo; a name that is gone was there when the folder was listed.
    let isGone = code == ENOENT && lstat(path, &facts) != 0
    return ImageError(
      description: "\(what): \(reason(code))", isOfMachine: isGone || passing.contains(code))
  }

  private static func read(_ file: Int32, _ start: UnsafeMutableRawPointer, _ count: Int) -> Int {
    while true {
      #if canImport(Glibc)
        let got = Glibc.read(file, start, count)
      #else
        let got = Darwin.read(file, start, count)
      #endif
      if got >= 0 || errno != EINTR { return got }
    }
  }

  /// What the first bytes of the regular file at `path` say it is; nil where they say nothing, and
  /// where it is no file. Throws `ImageError` with the system's reason where it cannot be read.
  static func format(of path: String) throws(ImageError) -> ImageFormat? {
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    // Sockets and devices without a driver cannot be opened, nor can what has just gone.
    if file < 0, [ENOENT, ENXIO, ENODEV].contains(errno) { return nil }
    guard file >= 0 else { throw failure("cannot be opened", errno, path) }
    defer { close(file) }
    var facts = stat()
    guard fstat(file, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else { return nil }
    typealias Start = (UInt64, UInt64, UInt64, UInt64)
    var start: Start = (0, 0, 0, 0)
    let (count, format) = withUnsafeMutableBytes(of: &start) { room in
      let count = read(file, room.baseAddress!, ImageFormat.signatureBytes)
      return (
        count, count > 0 ? ImageFormat(UnsafeRawBufferPointer(rebasing: room[..<count])) : nil
      )
    }
    guard count >= 0 else { throw failure("cannot be read", errno, path) }
    return format
  }

  /// Whether there is something called `path`.
  package static func exists(_ path: String) -> Bool {
    var facts = stat()
    return stat(path, &facts) == 0
  }

  /// Whether there is a regular file at `path`, or a link to one.
  static func isFile(_ path: String) -> Bool {
    var facts = stat()
    return stat(path, &facts) == 0 && facts.st_mode & S_IFMT == S_IFREG
  }

  /// Whether the folder of `path` has something of that name, be it a link to nowhere.
  static func isNamed(_ path: String) -> Bool {
    var facts = stat()
    return lstat(path, &facts) == 0
  }

  /// The names in the folder at `path` by their bytes, and whether each is a folder; throws
  /// `DatasetError.unreadable`.
  static func entries(
    in path: String
  ) throws(DatasetError) -> [(name: [UInt8], isFolder: Bool)] {
    guard let stream = opendir(path) else {
      throw .unreadable(path: path, reason: reason(errno))
    }
    defer { closedir(stream) }
    var entries: [(name: [UInt8], isFolder: Bool)] = []
    while true {
      errno = 0
      guard let entry = readdir(stream) else {
        if errno == 0 { break }
        throw .unreadable(path: path, reason: reason(errno))
      }
      let offset = MemoryLayout<dirent>.offset(of: \.d_name)!
      let start = UnsafeRawPointer(entry).advanced(by: offset).assumingMemoryBound(to: UInt8.self)
      let name = Array(UnsafeBufferPointer(start: start, count: strlen(start)))
      var isFolder = entry.pointee.d_type == UInt8(DT_DIR)
      if entry.pointee.d_type != UInt8(DT_REG), !isFolder {
        var facts = stat()
        let target = path + "/" + String(decoding: name, as: UTF8.self)
        isFolder = stat(target, &facts) == 0 && facts.st_mode & S_IFMT == S_IFDIR
      }
      entries.append((name, isFolder))
    }
    return entries
  }

  /// The system's text for `code`.
  static func reason(_ code: Int32) -> String { SystemReason.text(code) }

  /// The lines of the text file at `path`, without line ends; throws `DatasetError`.
  package static func lines(of path: String) throws(DatasetError) -> [String] {
    do {
      return try TextFile.lines(of: path)
    } catch {
      throw DatasetError(error, path: path)
    }
  }

  /// The text file at `path`; throws `DatasetError`.
  package static func text(of path: String) throws(DatasetError) -> String {
    do {
      return try TextFile.read(path)
    } catch {
      throw DatasetError(error, path: path)
    }
  }
}
