private import Preconditions

#if canImport(Glibc)
  private import Glibc
#else
  private import Darwin
#endif

/// Floats that read as 0 and take memory only where they are written, page by page.
package struct ReservedMemory: ~Copyable, @unchecked Sendable {
  /// The first of `count` floats, which read as 0 until they are written.
  package let pointer: UnsafeMutablePointer<Float>
  /// Floats of address space.
  package let count: Int
  private let bytes: Int

  /// Address space for `count` floats; ends the process where the system has none.
  package init(count: Int) {
    require(count >= 0, "ReservedMemory: a count of \(count) is negative")
    let wanted = max(count * MemoryLayout<Float>.stride, 1)
    #if os(Linux)
      let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    #else
      let flags = MAP_PRIVATE | MAP_ANON
    #endif
    let raw = mmap(nil, wanted, PROT_READ | PROT_WRITE, flags, -1, 0)
    guard let raw, raw != MAP_FAILED else {
      Shortage.ofMemory(wanted, code: errno)
    }
    #if os(Linux)
      // A huge page would hold what neighbours on other ranks own.
      _ = madvise(raw, wanted, MADV_NOHUGEPAGE)
    #endif
    pointer = raw.bindMemory(to: Float.self, capacity: count)
    self.count = count
    bytes = wanted
  }

  deinit { munmap(pointer, bytes) }

  /// Asks for huge pages in what lies wholly in `range`, which nobody else needs a part of.
  package func useHugePages(in range: Range<Int>) {
    require(
      range.lowerBound >= 0 && range.upperBound <= count,
      "ReservedMemory.useHugePages: \(range) of \(count) floats")
    #if os(Linux)
      let page = 2 << 20
      let start = UInt(bitPattern: pointer)
      let first = (start + UInt(4 * range.lowerBound) + UInt(page - 1)) / UInt(page) * UInt(page)
      let last = (start + UInt(4 * range.upperBound)) / UInt(page) * UInt(page)
      guard first < last, let address = UnsafeMutableRawPointer(bitPattern: first) else { return }
      _ = madvise(address, Int(last - first), MADV_HUGEPAGE)
    #endif
  }

  /// Sets the elements of `range` to 0 and gives back the pages that lie wholly in it.
  package func release(_ range: Range<Int>) {
    require(
      range.lowerBound >= 0 && range.upperBound <= count,
      "ReservedMemory.release: \(range) of \(count) floats")
    let page = Int(sysconf(Int32(_SC_PAGESIZE))) / MemoryLayout<Float>.stride
    let first = (range.lowerBound + page - 1) / page * page
    let last = range.upperBound / page * page
    guard first < last else {
      (pointer + range.lowerBound).update(repeating: 0, count: range.count)
      return
    }
    (pointer + range.lowerBound).update(repeating: 0, count: first - range.lowerBound)
    (pointer + last).update(repeating: 0, count: range.upperBound - last)
    #if os(Linux)
      _ = madvise(pointer + first, (last - first) * MemoryLayout<Float>.stride, MADV_DONTNEED)
    #else
      (pointer + first).update(repeating: 0, count: last - first)
    #endif
  }
}
