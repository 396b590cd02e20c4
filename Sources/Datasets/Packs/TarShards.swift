private import Interchange

/// Photos in WebDataset's tar shards: `KEY.jpg` (`.png`, `.webp`) with `KEY.cls` or `KEY.json`.
///
/// A key is a member's path up to the first dot of its last component (webdataset/tariterators.py);
/// consecutive members of one key are a sample. Photos are in the order of the shards. A person is
/// the whole number in `.cls`, or what `.json` calls `label`, `cls`, `class`, `identity` or
/// `person`; a photo is called by what `.json` calls `path`, else by its member's name.
struct TarShards: PhotoSource {
  let index: PhotoIndex
  let labels: [Int]?
  /// The members that are neither photos nor say who is on them.
  let notes: DataNotes
  private let files: [RandomAccessFile]
  private let shards: [UInt16]
  private let offsets: [Int]
  private let sizes: [UInt32]

  /// Opens the shards at `paths`; throws `DatasetError`.
  init(paths: [String]) throws(DatasetError) {
    guard paths.count < Int(UInt16.max) else {
      throw .badPack(path: paths[0], reason: "is one of \(paths.count) shards, too many")
    }
    var files: [RandomAccessFile] = []
    var scan = Scan(isOneOfSeveral: paths.count > 1)
    for path in paths {
      let file = try RandomAccessFile(path: path)
      try scan.go(through: file, shard: UInt16(files.count))
      files.append(file)
    }
    guard scan.offsets.count > 0 else {
      throw .badPack(
        path: paths[0], reason: "holds no .jpg, .png or .webp with a .cls or .json beside it")
    }
    self.files = files
    notes = scan.notes
    (shards, offsets, sizes) = (scan.shards, scan.offsets, scan.sizes)
    var people = scan.labels.people()
    let names = scan.paths
    people.takeNames(fromFoldersOf: names)
    labels = people.labels
    index = PhotoIndex(
      photos: PhotoList(people: people.people) { names[$0] }, people: people.names)
  }

  var count: Int { offsets.count }
  func name(of photo: Int) -> String { index.photos[photo].path }
  func byteCount(of photo: Int) -> Int? { Int(sizes[photo]) }

  func read(_ photo: Int, into buffer: ByteBuffer) throws(ImageError) {
    guard sizes[photo] <= FileReader.sizeLimitBytes else {
      throw ImageError(
        description: "\(sizes[photo]) bytes are more than \(FileReader.sizeLimitBytes)")
    }
    try files[Int(shards[photo])].read(
      at: offsets[photo], into: buffer.resize(to: Int(sizes[photo])))
  }

  /// What is known while shards are gone through.
  private struct Scan {
    let isOneOfSeveral: Bool
    var shards: [UInt16] = []
    var offsets: [Int] = []
    var sizes: [UInt32] = []
    var labels = PhotoLabels()
    var paths = TextTable()
    var notes = DataNotes()
    private var key = ""
    private var extensions: [String] = []
    private var photo: TarMember?
    private var label: String?
    private var path: String?

    init(isOneOfSeveral: Bool) { self.isOneOfSeveral = isOneOfSeveral }

    mutating func go(through file: RandomAccessFile, shard: UInt16) throws(DatasetError) {
      var scan = self
      try TarArchive.forEach(file) { (member, small) throws(DatasetError) in
        guard let (key, ending) = Self.parts(member.name) else {
          scan.notes.passedOver.add(member.name)
          return
        }
        if key != scan.key {
          try scan.endSample(file, shard)
          scan.key = key
        }
        try scan.add(member, ending, small, of: file)
      }
      try scan.endSample(file, shard)
      scan.key = ""
      self = scan
    }

    /// The key and the lower-case extension; nil for a name without a dot.
    private static func parts(_ name: String) -> (key: String, ending: String)? {
      let bytes = name.utf8
      let start = bytes.lastIndex(of: 0x2F).map { bytes.index(after: $0) } ?? bytes.startIndex
      guard let dot = bytes[start...].firstIndex(of: 0x2E) else { return nil }
      return (String(name[..<dot]), name[bytes.index(after: dot)...].lowercased())
    }

    private mutating func add(
      _ member: TarMember, _ ending: String, _ small: UnsafeRawBufferPointer,
      of file: RandomAccessFile
    ) throws(DatasetError) {
      let isPhoto = PhotoName.photos.contains(ending)
      guard isPhoto || ending == "cls" || ending == "json" else {
        notes.passedOver.add(member.name)
        return
      }
      guard !extensions.contains(ending) else {
        throw .badPack(path: file.path, reason: "has \(member.name) twice in one sample")
      }
      extensions.append(ending)
      if isPhoto {
        guard photo == nil, member.range.count <= Int(UInt32.max) else {
          throw .badPack(path: file.path, reason: "has two photos in sample \(key)")
        }
        photo = member
        return
      }
      guard member.range.count <= 1 << 16 else {
        throw .badPack(
          path: file.path, reason: "has \(member.range.count) bytes in \(member.name)")
      }
      var bytes = Array(small)
      if bytes.count < member.range.count {
        do throws(ImageError) {
          bytes = try file.bytes(at: member.range.lowerBound, count: member.range.count)
        } catch {
          throw .unreadable(path: file.path, reason: error.description)
        }
      }
      try describe(bytes, ending, member.name, of: file)
    }

    private mutating func describe(
      _ bytes: [UInt8], _ ending: String, _ name: String, of file: RandomAccessFile
    ) throws(DatasetError) {
      if ending == "cls" {
        let text = String(decoding: bytes, as: UTF8.self)
          .split(whereSeparator: \.isWhitespace).joined(separator: " ")
        guard Int(text) != nil else {
          throw .badPack(path: file.path, reason: "has no whole number in \(name)")
        }
        label = text
        return
      }
      guard let fields = JSONFields(bytes) else {
        throw .badPack(path: file.path, reason: "has no JSON object in \(name)")
      }
      path = fields["path"]
      let keys = ["label", "cls", "class", "identity", "person"]
      if label == nil, let key = keys.first(where: { fields[$0] != nil }) { label = fields[key] }
    }

    private mutating func endSample(
      _ file: RandomAccessFile, _ shard: UInt16
    ) throws(DatasetError) {
      if let photo {
        guard let label else {
          throw .badPack(
            path: file.path,
            reason: "says of \(photo.name) neither in a .cls nor in a .json who it shows")
        }
        shards.append(shard)
        offsets.append(photo.range.lowerBound)
        sizes.append(UInt32(photo.range.count))
        labels.append(label)
        if let path {
          paths.append(path.utf8)
        } else {
          let name = photo.name.hasPrefix("./") ? String(photo.name.dropFirst(2)) : photo.name
          let prefix = isOneOfSeveral ? Self.stem(file.path) + "/" : ""
          paths.append((prefix + name).utf8)
        }
      }
      (photo, label, path) = (nil, nil, nil)
      extensions.removeAll(keepingCapacity: true)
    }

    private static func stem(_ path: String) -> String {
      let name = path.split(separator: "/").last.map(String.init) ?? path
      return name.hasSuffix(".tar") ? String(name.dropLast(4)) : name
    }
  }
}
