internal import Interchange

/// Consecutive members of one key in a WebDataset shard: a photo with what says who is on it.
///
/// WebDataset ends a key at the first dot, so that photos with dots in their names are of one key;
/// each of them then has its label under its own name.
struct TarSample {
  /// A `.cls` or `.json` of more bytes than this is refused.
  static let textLimitBytes = 1 << 24
  /// A `.txt` of more bytes than this is no label.
  static let plainLimitBytes = 256

  /// What can say who is on a photo, the one that counts first before the others.
  enum NoteKind: String, CaseIterable {
    case cls, json, txt
  }

  /// A member's name in its parts.
  struct Name {
    let whole: String
    /// Up to the first dot of the last component.
    let key: String
    /// Up to its last dot.
    let stem: String
    let isPhoto: Bool
    /// Nil for what says nothing of who is on a photo.
    let note: NoteKind?

    /// Nil for a name without a dot, a hidden one, and one in a folder that systems keep.
    init?(_ name: String) {
      let bytes = name.utf8
      let start = bytes.lastIndex(of: 0x2F).map { bytes.index(after: $0) } ?? bytes.startIndex
      guard let dot = bytes[start...].firstIndex(of: 0x2E), dot != start,
        let last = bytes[start...].lastIndex(of: 0x2E), !SystemFolder.holds(name)
      else { return nil }
      whole = name
      key = String(name[..<dot])
      stem = String(name[..<last])
      let ending = name[bytes.index(after: last)...].lowercased()
      isPhoto = PhotoName.photos.contains(ending)
      note = NoteKind(rawValue: ending)
    }
  }

  /// What a `.cls`, a `.json` or a `.txt` says.
  struct Note {
    let name: String
    let stem: ExactText
    let kind: NoteKind
    var label: String?
    /// What a `.json` holds.
    var fields: JSONFields?
  }

  /// A photo of whom it is said who it shows.
  struct Labelled {
    let photo: TarMember
    let label: String
    /// What the photo is called; nil for its member's name.
    let path: String?
    /// What the person is called; nil where nothing but the label says it.
    let person: String?
    /// Where the label stands.
    let kind: NoteKind
    /// Whom a `.json` says to be on it, beside the `.cls` that counts.
    let claim: String?
  }

  var key = ExactText("")
  var members: Set<ExactText> = []
  var photos: [(stem: ExactText, member: TarMember)] = []
  var notes: [Note] = []

  /// The photos with their labels, and those that have none. Throws `DatasetError` where a photo
  /// has two labels. `archive` is for messages.
  func labelled(
    in archive: String
  ) throws(DatasetError) -> (labelled: [Labelled], others: [TarMember]) {
    var labelled: [Labelled] = []
    var others: [TarMember] = []
    let byStem = Dictionary(grouping: notes, by: \.stem)
    for (stem, member) in photos {
      var own = byStem[stem] ?? []
      // A label belongs to the one photo of its key, whatever stands between key and ending.
      if photos.count == 1, own.isEmpty { own = notes }
      if let found = try Self.label(of: member, own, archive) {
        labelled.append(found)
      } else {
        others.append(member)
      }
    }
    return (labelled, others)
  }

  /// The `.txt` that say who is on a photo are few: where a `.cls` or `.json` does, they are none.
  var unusedTexts: [String] {
    let isSaid = notes.contains { $0.kind != .txt && $0.label != nil }
    return notes.filter { $0.kind == .txt && (isSaid || $0.label == nil || photos.isEmpty) }
      .map(\.name)
  }

  /// `.cls` counts before `.json`, which may also give the path and the person's name, and that
  /// before `.txt`.
  private static func label(
    of photo: TarMember, _ notes: [Note], _ archive: String
  ) throws(DatasetError) -> Labelled? {
    for kind in NoteKind.allCases {
      let said = notes.filter { $0.kind == kind }.compactMap(\.label)
      let labels = Set(said.map { ExactText(PhotoLabels.canonical($0[...].trimmedASCII)) })
      guard let label = labels.first else { continue }
      guard labels.count == 1 else {
        let shown = labels.map(\.text).sorted().joined(separator: " and ")
        throw .unusable(path: archive, reason: "says of \(photo.name) that it shows \(shown)")
      }
      return Labelled(
        photo: photo, label: label.text,
        path: notes.lazy.compactMap { $0.fields?["path"] }.first,
        person: kind == .cls
          ? notes.lazy.compactMap { $0.fields?["person"] ?? $0.fields?["identity"] }.first : nil,
        kind: kind,
        claim: kind == .cls
          ? claimKeys.lazy.compactMap { key in notes.lazy.compactMap { $0.fields?[key] }.first }
            .first : nil)
    }
    return nil
  }

  /// Why a photo without a label cannot be used.
  static func unlabelled(_ photo: String) -> String {
    "says of \(photo) neither in a .cls, nor in a .json (\(labelKeys.joined(separator: ", "))), "
      + "nor in a .txt who it shows; they stand beside it, with no other sample between, and below "
      + "its own name where it has dots"
  }

  /// The words by which a `.json` says who is on a photo, the more telling first.
  static let labelKeys = [
    "label", "cls", "class", "identity", "person", "person_id", "identity_id", "subject",
    "subject_id", "name",
  ]

  /// Those of them that say nothing else.
  private static let claimKeys = labelKeys.filter { !["cls", "class", "name"].contains($0) }
}
