/// Photos by the names that lists call them by: every name means one photo, or none.
package struct PhotoLookup {
  /// What a name may mean.
  package enum Answer: Equatable, Sendable {
    case one(Int)
    case none
    /// The name does not say which.
    case several([Int])
  }

  private static let endings: Set<String> = [
    "jpg", "jpeg", "jpe", "jfif", "png", "webp", "bmp", "tif", "tiff", "gif", "heic",
  ]

  /// Photos by texts that seldom are those of several.
  private struct Table {
    private var first: [String: Int] = [:]
    private var others: [String: [Int]] = [:]

    init(_ photos: [String], key: (String) -> String) {
      first.reserveCapacity(photos.count)
      for (index, photo) in photos.enumerated() {
        let key = key(photo)
        if first[key] == nil {
          first[key] = index
        } else {
          others[key, default: []].append(index)
        }
      }
    }

    subscript(key: String) -> [Int] { first[key].map { [$0] + (others[key] ?? []) } ?? [] }
  }

  private let photos: [String]
  private let byPath: Table
  /// By the last two components, or the one that there is, without the ending of a photo.
  private let byTail: Table
  /// By the last component without the ending; made when a name of one component is looked for.
  private var byName: Table?

  /// Photos by their paths, relative to the data or not.
  package init(_ photos: [String]) {
    self.photos = photos
    byPath = Table(photos) { $0 }
    byTail = Table(photos) { Self.tail(Self.stem($0), 2) }
  }

  /// Whether `path` ends as those of photos do.
  package static func hasEnding(_ path: String) -> Bool { stem(path).utf8.count < path.utf8.count }

  /// The photo called `name`: by its whole path; by that without the ending, since lists say .jpg
  /// of photos that are .png; by as many components as both have, at least two of them where `name`
  /// has two.
  ///
  /// Where no photo is called so, `\` is taken for `/`, as Windows has it.
  package mutating func find(_ name: String) -> Answer {
    let answer = findAsWritten(name)
    guard answer == .none, name.contains("\\") else { return answer }
    return findAsWritten(String(name.map { $0 == "\\" ? "/" : $0 }))
  }

  private mutating func findAsWritten(_ name: String) -> Answer {
    let name = name.hasPrefix("./") ? String(name.dropFirst(2)) : name
    let exact = byPath[name]
    if !exact.isEmpty {
      // Two that Unicode composes in two ways are one to ==.
      let same = exact.filter { photos[$0].utf8.elementsEqual(name.utf8) }
      return Self.answer(same.isEmpty ? exact : same)
    }
    let stem = Self.stem(name)
    var candidates: [Int]
    if name.contains("/") {
      candidates = byTail[Self.tail(stem, 2)].filter { Self.isTail(Self.stem(photos[$0]), stem) }
    } else {
      let table = byName ?? Table(photos) { Self.tail(Self.stem($0), 1) }
      byName = table
      candidates = table[String(stem)]
    }
    for isBetter in [
      { (photo: String) in Self.stem(photo) == stem },
      { (photo: String) in Self.tail(photo[...], 1) == Self.tail(name[...], 1) },
    ] {
      let better = candidates.filter { isBetter(photos[$0]) }
      if !better.isEmpty {
        candidates = better
        break
      }
    }
    return candidates.isEmpty ? .none : Self.answer(candidates)
  }

  private static func answer(_ found: [Int]) -> Answer {
    found.count == 1 ? .one(found[0]) : .several(found)
  }

  /// What several photos of a name are, in words.
  package func text(_ found: [Int]) -> String {
    found.prefix(3).map { photos[$0] }.joined(separator: ", ")
      + (found.count > 3 ? " and \(found.count - 3) more" : "")
  }

  /// `path` without the ending of a photo.
  private static func stem(_ path: String) -> Substring {
    guard let dot = path.utf8.lastIndex(of: UInt8(ascii: ".")),
      endings.contains(path[path.utf8.index(after: dot)...].lowercased())
    else { return path[...] }
    return path[..<dot]
  }

  /// The last `count` components of `path`.
  private static func tail(_ path: Substring, _ count: Int) -> String {
    path.utf8.split(separator: UInt8(ascii: "/")).suffix(count).map { String($0) ?? "" }
      .joined(separator: "/")
  }

  /// Whether one of two paths is the end of the other, at a border of components.
  private static func isTail(_ one: Substring, _ other: Substring) -> Bool {
    let (short, long) = one.utf8.count < other.utf8.count ? (one, other) : (other, one)
    guard short.contains("/"), long.utf8.count >= short.utf8.count,
      long.utf8.suffix(short.utf8.count).elementsEqual(short.utf8)
    else { return false }
    let border = long.utf8.dropLast(short.utf8.count)
    return border.isEmpty || border.last == UInt8(ascii: "/")
  }
}
