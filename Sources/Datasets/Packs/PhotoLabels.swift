/// A text by its bytes, where Swift compares what texts look like.
package struct ExactText: Hashable, Sendable {
  /// The text itself.
  package let text: String

  /// The text `text`.
  package init(_ text: String) { self.text = text }

  package static func == (a: Self, b: Self) -> Bool { a.text.utf8.elementsEqual(b.text.utf8) }

  package func hash(into hasher: inout Hasher) {
    let isHashed: Void? = text.utf8.withContiguousStorageIfAvailable {
      hasher.combine(bytes: UnsafeRawBufferPointer($0))
    }
    if isHashed == nil { for byte in text.utf8 { hasher.combine(byte) } }
  }
}

/// Why a text is no label.
struct LabelProblem: Error, CustomStringConvertible {
  let description: String
}

/// The labels of photos as a pack or a list gives them, and the people that they mean.
///
/// Two labels are one where their bytes are the same: nothing is normalised, and capitals count.
/// ASCII white space around a label that is written in a text belongs to the text.
struct PhotoLabels {
  private var ids: [ExactText: Int32] = [:]
  private var texts: [String] = []
  private var labels: [Int32] = []

  /// Labels are texts, and the same text is the same label; see `canonical`. Throws `LabelProblem`
  /// for one that is empty or holds control characters, as numbers do that are not written out.
  mutating func append(_ text: String) throws(LabelProblem) {
    let label = Self.canonical(text[...].trimmedASCII)
    if let id = ids[ExactText(label)] {
      labels.append(id)
    } else {
      if label.isEmpty { throw LabelProblem(description: "an empty label") }
      if Self.hasControls(label) {
        throw LabelProblem(
          description: "a label with control characters (bytes "
            + label.utf8.prefix(8).map { byte in
              (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }.joined(separator: " ") + "); labels are written as text")
      }
      ids[ExactText(label)] = Int32(texts.count)
      labels.append(Int32(texts.count))
      texts.append(label)
    }
  }

  /// The label that `text` stands for: `3` for `3.0` and `3.000000`, as columns of floats and
  /// MXNet's lists have whole numbers; any other text for itself. `007`, `1e2` and `0x64` are ids.
  static func canonical(_ text: Substring) -> String {
    let parts = text.utf8.split(
      separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[1].isEmpty, parts[1].allSatisfy({ $0 == UInt8(ascii: "0") }),
      isWhole(parts[0])
    else { return String(text) }
    return String(text.prefix(parts[0].count))
  }

  /// Whether `text` holds a control character of ASCII or of Unicode's C1.
  static func hasControls(_ text: String) -> Bool {
    var last: UInt8 = 0
    for byte in text.utf8 {
      if byte < 0x20 || byte == 0x7F || last == 0xC2 && byte < 0xA0 { return true }
      last = byte
    }
    return false
  }

  /// The whole number that `label` is, written as numbers are; nil for other texts.
  static func number(_ label: String) -> Int? { isWhole(label.utf8[...]) ? Int(label) : nil }

  private static func isWhole(_ text: Substring.UTF8View) -> Bool {
    let digits = text.first == UInt8(ascii: "-") ? text.dropFirst() : text
    guard let first = digits.first, digits.allSatisfy({ (0x30...0x39).contains($0) }) else {
      return false
    }
    return first != UInt8(ascii: "0") || text.count == 1
  }

  /// People by ascending label: by number where all are numbers, else by bytes.
  func people() -> LabelledPeople {
    let numbers = texts.compactMap(Self.number)
    let isNumeric = numbers.count == texts.count
    let order = texts.indices.sorted {
      isNumeric
        ? numbers[$0] < numbers[$1] : texts[$0].utf8.lexicographicallyPrecedes(texts[$1].utf8)
    }
    var rank = [Int32](repeating: 0, count: texts.count)
    for (place, id) in order.enumerated() { rank[id] = Int32(place) }
    return LabelledPeople(
      people: labels.map { rank[Int($0)] }, names: order.map { texts[$0] },
      labels: isNumeric ? order.map { numbers[$0] } : nil)
  }
}

/// What people are called beside their labels, where each is called something of its own.
struct NamesOfLabels {
  private var names: [ExactText: String] = [:]
  private var isComplete = true
  /// Two names of one label, the first that were found.
  private(set) var contradiction: (label: String, names: [String])?

  /// Says what the person of one more photo, of that label, is called; nil where nothing says it.
  mutating func add(_ name: String?, for label: String) {
    guard contradiction == nil else { return }
    guard let name else {
      isComplete = false
      return
    }
    let label = ExactText(PhotoLabels.canonical(label[...].trimmedASCII))
    if let known = names[label] {
      if ExactText(known) != ExactText(name) { contradiction = (label.text, [known, name]) }
    } else {
      names[label] = name
    }
  }

  /// The names of the people of those labels; nil where not all are said, or not all differ.
  func all(of labels: [String]) -> [String]? {
    guard isComplete, contradiction == nil else { return nil }
    let found = labels.compactMap { names[ExactText($0)] }
    let distinct = Set(found.map { ExactText($0) })
    return found.count == labels.count && distinct.count == found.count ? found : nil
  }
}

/// The people of labelled photos.
struct LabelledPeople {
  /// The person of each photo.
  var people: [Int32]
  var names: [String]
  /// The label of each person, ascending, where labels are numbers.
  var labels: [Int]?

  init(people: [Int32], names: [String], labels: [Int]?) {
    self.people = people
    self.names = names
    self.labels = labels
  }

  /// People by the labels [photos] of their photos, none of them negative.
  init(labels: [Int32]) {
    let most = Int(labels.max() ?? -1)
    var distinct: [Int32]
    var rank: (Int32) -> Int32
    if most < 4 * labels.count + 1024 {
      var isThere = [Bool](repeating: false, count: most + 1)
      for label in labels { isThere[Int(label)] = true }
      distinct = (0..<most + 1).filter { isThere[$0] }.map(Int32.init)
      var ranks = [Int32](repeating: 0, count: most + 1)
      for (place, label) in distinct.enumerated() { ranks[Int(label)] = Int32(place) }
      rank = { ranks[Int($0)] }
    } else {
      distinct = Set(labels).sorted()
      let ranks = Dictionary(uniqueKeysWithValues: zip(distinct, Int32(0)...))
      rank = { ranks[$0] ?? 0 }
    }
    people = labels.map(rank)
    names = distinct.map { String($0) }
    self.labels = distinct.map { Int($0) }
  }

  /// Calls people by what they are called beside their labels; false where that does not fit.
  @discardableResult mutating func take(_ given: NamesOfLabels) -> Bool {
    guard let found = given.all(of: names) else { return false }
    names = found
    return true
  }

  /// Calls people by the folders of their photos where each has one of its own; `paths` are those
  /// of the photos.
  mutating func takeNames(fromFoldersOf paths: TextTable) {
    var folders = [ArraySlice<UInt8>?](repeating: nil, count: names.count)
    for photo in people.indices {
      let path = paths.slice(photo)
      guard let cut = path.lastIndex(of: UInt8(ascii: "/")) else { return }
      let folder = path[path.startIndex..<cut]
      let person = Int(people[photo])
      if let known = folders[person] {
        guard known == folder else { return }
      } else {
        folders[person] = folder
      }
    }
    let found = folders.compactMap { $0.map { String(decoding: $0, as: UTF8.self) } }
    let distinct = Set(folders.compactMap { $0 })
    if found.count == names.count, distinct.count == names.count { names = found }
  }

  /// Calls people by the lines of the file at `path`, by ascending label, if there is one; throws
  /// `DatasetError` where it is not of these people.
  mutating func takeNames(listedIn path: String) throws(DatasetError) {
    guard FileReader.exists(path) else { return }
    var found: [String] = []
    try LineReader.forEach(path) { (line, number) throws(DatasetError) in
      guard let name = String(validating: line, as: UTF8.self), !name.isEmpty else {
        throw .badLine(path: path, line: number, reason: "is no name of a person")
      }
      found.append(name)
    }
    let different = Set(found.map(ExactText.init)).count
    guard found.count == names.count, different == found.count else {
      throw .unusable(
        path: path,
        reason: "has \(different) names for \(names.count) people; give the one that "
          + "belongs to the pack, or remove it")
    }
    names = found
  }
}

extension Substring {
  /// Without spaces, tabs and line ends at either end. Other white space, such as a no-break space,
  /// is part of a name.
  var trimmedASCII: Substring {
    func isBlank(_ byte: UInt8) -> Bool {
      byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D
    }
    var bytes = utf8[...]
    while let first = bytes.first, isBlank(first) { bytes.removeFirst() }
    while let last = bytes.last, isBlank(last) { bytes.removeLast() }
    return Substring(bytes)
  }
}
