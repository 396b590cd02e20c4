/// The photos of a data set: a list in memory, or a table that makes each when it is asked for, so
/// that five million of them take 4 bytes each and their names.
package struct PhotoList: RandomAccessCollection, Sendable {
  private enum Storage: Sendable {
    case listed([Photo])
    case computed(people: [Int32], path: @Sendable (Int) -> String)
  }

  private let storage: Storage

  /// The photos of an array.
  package init(_ photos: [Photo]) { storage = .listed(photos) }

  /// Photo i shows person `people[i]` and is called `path(i)`.
  package init(people: [Int32], path: @escaping @Sendable (Int) -> String) {
    storage = .computed(people: people, path: path)
  }

  package var startIndex: Int { 0 }

  package var endIndex: Int {
    switch storage {
    case .listed(let photos): photos.count
    case .computed(let people, _): people.count
    }
  }

  /// Photo number `photo`, its path made where it is not stored.
  package subscript(photo: Int) -> Photo {
    switch storage {
    case .listed(let photos): photos[photo]
    case .computed(let people, let path):
      Photo(path: path(photo), person: Int(people[photo]))
    }
  }

  /// The person of photo `photo`, without making its path.
  package func person(of photo: Int) -> Int {
    switch storage {
    case .listed(let photos): photos[photo].person
    case .computed(let people, _): Int(people[photo])
    }
  }
}

/// Many texts in one piece of memory.
struct TextTable: Sendable {
  private var bytes: [UInt8] = []
  private var ends: [Int] = []

  init() {}

  /// An empty table with room for the texts of `other`.
  init(reservingFor other: TextTable) {
    bytes.reserveCapacity(other.bytes.count)
    ends.reserveCapacity(other.ends.count)
  }

  var count: Int { ends.count }

  mutating func append(_ text: some Sequence<UInt8>) {
    bytes.append(contentsOf: text)
    ends.append(bytes.count)
  }

  /// The bytes of text `index`.
  func slice(_ index: Int) -> ArraySlice<UInt8> {
    bytes[(index == 0 ? 0 : ends[index - 1])..<ends[index]]
  }

  subscript(index: Int) -> String { String(decoding: slice(index), as: UTF8.self) }
}
