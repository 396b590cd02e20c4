internal import Interchange

/// What names of people and of photos mean among photos.
///
/// A name is the photo of that path, else every photo below a folder called so (by its path, or by
/// as many components as both have), else the photo that `PhotoLookup` finds. Of folders within one
/// another the innermost decides, and a photo's own name before all.
struct SubsetNames {
  /// What a name means.
  enum Meaning: Hashable {
    case photo(Int)
    /// The components that a folder ends with.
    case folder(String)
    /// Nothing among the photos.
    case nothing(String)
    /// Photos that the name does not tell apart, in words.
    case several(String)
  }

  private let photos: [String]
  private let exact: [String: Int]
  private var lookup: PhotoLookup
  /// The folders of photos and those above them, by their whole paths.
  private var whole: Set<String> = []
  /// The same by all ends of their paths.
  private var ends: Set<String> = []

  /// Names among `photos` (paths).
  init(_ photos: [String]) {
    self.photos = photos
    lookup = PhotoLookup(photos)
    exact = Dictionary(
      photos.enumerated().map { ($0.element, $0.offset) }, uniquingKeysWith: { first, _ in first })
    for folder in Set(photos.map(Self.folder)) {
      let parts = folder.split(separator: "/")
      for end in parts.indices {
        whole.insert(Self.text(parts[...end]))
        for start in 0...end { ends.insert(Self.text(parts[start...end])) }
      }
    }
  }

  private static func folder(_ photo: String) -> Substring {
    photo[..<(photo.lastIndex(of: "/") ?? photo.startIndex)]
  }

  private static func text(_ parts: ArraySlice<Substring>) -> String {
    parts.joined(separator: "/")
  }

  /// What `name` means.
  mutating func meaning(of name: String) -> Meaning {
    if let photo = exact[name] { return .photo(photo) }
    let slashes = name.contains("/") ? name : String(name.map { $0 == "\\" ? "/" : $0 })
    let parts = slashes.split(separator: "/").filter { $0 != "." }[...]
    let plain = Self.text(parts)
    if ends.contains(plain) { return .folder(plain) }
    for start in parts.indices.dropFirst() {
      let end = Self.text(parts[start...])
      if whole.contains(end) { return .folder(end) }
    }
    switch lookup.find(name) {
    case .one(let photo): return .photo(photo)
    case .several(let found): return .several(lookup.text(found))
    case .none: return .nothing(plain)
    }
  }

  /// How many of `names` mean something.
  mutating func count(_ names: [String]) -> Int {
    names.reduce(0) { count, name in
      if case .nothing = meaning(of: name) { return count }
      return count + 1
    }
  }

  /// The value of each photo, of those that are given by what names mean.
  func assign(_ values: [Meaning: Int]) -> [Int?] {
    var byFolder: [Substring: Int?] = [:]
    return photos.indices.map { photo in
      if let own = values[.photo(photo)] { return own }
      let folder = Self.folder(photos[photo])
      if let known = byFolder[folder] { return known }
      let found = value(of: folder, values)
      byFolder[folder] = .some(found)
      return found
    }
  }

  private func value(of folder: Substring, _ values: [Meaning: Int]) -> Int? {
    let parts = folder.split(separator: "/")[...]
    for end in parts.indices.reversed() {
      for start in 0...end {
        if let value = values[.folder(Self.text(parts[start...end]))] { return value }
      }
    }
    return nil
  }
}
