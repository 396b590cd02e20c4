/// Writes LMDB databases in one go (liblmdb 0.9, 64 bits): sorted leaves, branches above them,
/// large values in pages of their own.
package enum LMDBWriter {
  private static let pageBytes = 4096

  /// The file that holds `values` by their keys.
  package static func file(_ values: [(key: String, value: [UInt8])]) -> [UInt8] {
    var pages = [[UInt8]](repeating: [], count: 2)
    let sorted = values.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
    var nodes: [(key: [UInt8], node: [UInt8])] = []
    var overflowCount = 0
    for (key, value) in sorted {
      var node = half(value.count & 0xFFFF) + half(value.count >> 16)
      let isLarge = value.count > 1500
      node += half(isLarge ? 1 : 0) + half(key.utf8.count) + Array(key.utf8)
      if isLarge {
        let first = pages.count
        let count = (16 + value.count + pageBytes - 1) / pageBytes
        overflowCount += count
        var bytes = header(first, flags: 4)
        bytes += word(count, 4) + value
        bytes += [UInt8](repeating: 0, count: count * pageBytes - bytes.count)
        for page in 0..<count {
          pages.append(Array(bytes[page * pageBytes..<(page + 1) * pageBytes]))
        }
        node += word(first, 8)
      } else {
        node += value
      }
      nodes.append((Array(key.utf8), node))
    }
    var (depth, leafCount, branchCount) = (1, 0, 0)
    var level = put(nodes, flags: 2, into: &pages)
    leafCount = level.count
    while level.count > 1 {
      depth += 1
      let branches = level.enumerated().map { place, child in
        let key = place == 0 ? [] : child.key
        return (
          key: key,
          node: half(child.page & 0xFFFF) + half(child.page >> 16) + half(0)
            + half(key.count) + key
        )
      }
      level = put(branches, flags: 1, into: &pages)
      branchCount += level.count
    }
    let tree =
      word(0, 4) + half(0) + half(depth) + word(branchCount, 8) + word(leafCount, 8)
      + word(overflowCount, 8) + word(values.count, 8)
      + (values.isEmpty ? [UInt8](repeating: 0xFF, count: 8) : word(level[0].page, 8))
    for meta in 0..<2 {
      var bytes = header(meta, flags: 8) + half(0) + half(0)
      bytes += [0xDE, 0xC0, 0xEF, 0xBE] + word(1, 4) + word(0, 8) + word(1 << 20, 8)
      // The database of free pages, whose first number is the size of a page.
      bytes += word(pageBytes, 4) + half(0) + half(0) + word(0, 32)
      bytes += [UInt8](repeating: 0xFF, count: 8) + tree
      bytes += word(pages.count - 1, 8) + word(1 + meta, 8)
      pages[meta] = bytes + [UInt8](repeating: 0, count: pageBytes - bytes.count)
    }
    return Array(pages.joined())
  }

  /// MessagePack of `(image, label)`, as Vec2Face's programs write it.
  package static func value(_ image: [UInt8], label: Int) -> [UInt8] {
    let count = (0..<4).map { UInt8(truncatingIfNeeded: image.count >> (8 * (3 - $0))) }
    let number =
      label < 128
      ? [UInt8(label)] : [0xCE] + (0..<4).map { UInt8(truncatingIfNeeded: label >> (8 * (3 - $0))) }
    return [0x92, 0xC6] + count + image + number
  }

  private static func put(
    _ nodes: [(key: [UInt8], node: [UInt8])], flags: Int, into pages: inout [[UInt8]]
  ) -> [(key: [UInt8], page: Int)] {
    var made: [(key: [UInt8], page: Int)] = []
    var held: [(key: [UInt8], node: [UInt8])] = []
    var bytes = 16
    func close() {
      guard !held.isEmpty else { return }
      var page = [UInt8](repeating: 0, count: pageBytes)
      var upper = pageBytes
      for (place, (_, node)) in held.enumerated() {
        let even = node.count + node.count % 2
        upper -= even
        page.replaceSubrange(upper..<upper + node.count, with: node)
        page.replaceSubrange(16 + 2 * place..<18 + 2 * place, with: half(upper))
      }
      let head =
        header(pages.count, flags: flags) + half(16 + 2 * held.count) + half(upper)
      page.replaceSubrange(0..<16, with: head)
      made.append((held[0].key, pages.count))
      pages.append(page)
      held = []
      bytes = 16
    }
    for node in nodes {
      let more = node.node.count + node.node.count % 2 + 2
      if bytes + more > pageBytes { close() }
      held.append(node)
      bytes += more
    }
    close()
    return made
  }

  private static func header(_ page: Int, flags: Int) -> [UInt8] {
    word(page, 8) + half(0) + half(flags)
  }

  private static func half(_ value: Int) -> [UInt8] { word(value, 2) }

  private static func word(_ value: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { $0 < 8 ? UInt8(truncatingIfNeeded: value >> (8 * $0)) : 0 }
  }
}
