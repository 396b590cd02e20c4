/// Consecutive members of one key in a WebDataset shard: a photo with what says who is on it.
///
/// WebDataset ends a key at the first dot, so that photos with dots in their names are of one key;
/// each of them then has its label under its own name.
struct TarSample {
  /// A `.cls` or `.json` of more bytes than this is refused.
  static let textLimitBytes = 1 << 24

  /// A member's name in its parts.
  struct Name {
    let whole: String
    /// Up to the first dot of the last component.
    let key: String
    /// Up to its last dot.
    let stem: String
    let isPhoto, isLabel, isJSON: Bool

    /// Nil for a name without a dot, and for a hidden one.
    init?(_ name: String) {
      let bytes = name.utf8
      let start = bytes.lastIndex(of: 0x2F).map { bytes.index(after: $0) } ?? bytes.startIndex
      guard let dot = bytes[start...].firstIndex(of: 0x2E), dot != start,
        let last = bytes[start...].lastIndex(of: 0x2E), !name.hasPrefix("__MACOSX/")
      else { return nil }
      whole = name
      key = String(name[..<dot])
      stem = String(name[..<last])
      let ending = name[bytes.index(after: last)...].lowercased()
      isPhoto = PhotoName.photos.contains(ending)
      isJSON = ending == "json"
      isLabel = isJSON || ending == "cls"
    }
  }

  /// What a `.cls` or a `.json` says.
  struct Note {
    let stem: String
    let isJSON: Bool
    let label: String?
    var path: String?
    /// What the person is called, where `label` may be a number.
    var person: String?
  }

  /// A photo and who is on it.
  struct Labelled {
    let photo: TarMember
    let label: String
    /// What the photo is called; nil for its member's name.
    let path: String?
    /// What the person is called; nil where nothing but the label says it.
    let person: String?
  }

  var key = ""
  var members: Set<String> = []
  var photos: [(stem: String, member: TarMember)] = []
  var notes: [Note] = []

  /// The photos with their labels and what they are called; throws `DatasetError` where it is not
  /// said who is on one of them. `archive` is for messages.
  func labelled(in archive: String) throws(DatasetError) -> [Labelled] {
    if photos.count == 1 {
      // A label belongs to the one photo of its key, whatever stands between key and ending.
      let own = notes.filter { $0.stem == photos[0].stem }
      return [try Self.labelled(photos[0].member, own.isEmpty ? notes : own, archive)]
    }
    let byStem = Dictionary(grouping: notes, by: \.stem)
    return try photos.map { (stem, member) throws(DatasetError) in
      guard let own = byStem[stem] else {
        throw .unusable(
          path: archive,
          reason: "has several photos in sample \(key), and none of \(stem).cls and .json says who "
            + "is on \(member.name)")
      }
      return try Self.labelled(member, own, archive)
    }
  }

  /// `.cls` counts before `.json`, which may also give the path and the person's name.
  private static func labelled(
    _ photo: TarMember, _ notes: [Note], _ archive: String
  ) throws(DatasetError) -> Labelled {
    let classes = notes.filter { !$0.isJSON }
    let labels = Set((classes.isEmpty ? notes : classes).compactMap(\.label))
    guard let label = labels.first else {
      throw .unusable(
        path: archive,
        reason: "says of \(photo.name) neither in a .cls nor in a .json (label, cls, class, "
          + "identity or person) who it shows; they stand beside it, with no other sample between")
    }
    guard labels.count == 1 else {
      throw .unusable(
        path: archive,
        reason: "says of \(photo.name) that it shows \(labels.sorted().joined(separator: " and "))")
    }
    return Labelled(
      photo: photo, label: label, path: notes.lazy.compactMap(\.path).first,
      person: classes.isEmpty ? nil : notes.lazy.compactMap(\.person).first)
  }
}
