private import Interchange
internal import Threads

/// Photos in WebDataset's tar shards: `KEY.jpg` (`.png`, `.webp`) with `KEY.cls` or `KEY.json`.
///
/// A key is a member's path up to the first dot of its last component (webdataset/tariterators.py);
/// consecutive members of one key are a sample (`TarSample`). Photos are in the order of the
/// shards. A person is the label in `.cls`, or what `.json` calls `label`, `cls`, `class`,
/// `identity` or `person`; a photo is called by what `.json` calls `path`, else by its member's
/// name. People whose label is in `.cls` are called by what `.json` calls `person` or `identity`,
/// else by the folder in the photo's name, where each has one of its own, else by the label.
/// Members that are hidden (macOS puts a `._NAME` beside each) are none, links are what they
/// lead to.
struct TarShards: PhotoSource {
  let index: PhotoIndex
  let labels: [Int]?
  /// The members that are neither photos nor say who is on them.
  let notes: DataNotes
  private let files: [RandomAccessFile]
  private let shards: [UInt16]
  private let offsets: [Int]
  private let sizes: [UInt32]

  /// Opens the shards at `paths`; throws `DatasetError`. `meter` counts photos as they are found.
  init(paths: [String], meter: WorkMeter? = nil) throws(DatasetError) {
    guard paths.count < Int(UInt16.max) else {
      throw .unusable(path: paths[0], reason: "is one of \(paths.count) shards, too many")
    }
    var files: [RandomAccessFile] = []
    var scan = Scan(isOneOfSeveral: paths.count > 1, meter: meter)
    for path in paths {
      let file = try RandomAccessFile(path: path)
      try scan.go(through: file, shard: UInt16(files.count))
      files.append(file)
    }
    guard scan.offsets.count > 0 else {
      throw .unusable(
        path: paths[0], reason: "holds no .jpg, .png or .webp with a .cls or .json beside it")
    }
    self.files = files
    notes = scan.notes
    (shards, offsets, sizes) = (scan.shards, scan.offsets, scan.sizes)
    var people = scan.labels.people()
    let names = scan.paths
    if !people.take(scan.persons) { people.take(scan.folders) }
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
    let meter: WorkMeter?
    var shards: [UInt16] = []
    var offsets: [Int] = []
    var sizes: [UInt32] = []
    var labels = PhotoLabels()
    var paths = TextTable()
    /// What the people are called by `.json`, and by the folders in the names of their photos.
    var persons = NamesOfLabels()
    var folders = NamesOfLabels()
    var notes = DataNotes()
    private var sample = TarSample()
    /// The word by which `.json` says who is on a photo; the first one decides for all.
    private var labelKey: String?
    private var links: TarLinks?

    init(isOneOfSeveral: Bool, meter: WorkMeter?) {
      self.isOneOfSeveral = isOneOfSeveral
      self.meter = meter
    }

    mutating func go(through file: RandomAccessFile, shard: UInt16) throws(DatasetError) {
      var scan = self
      scan.links = nil
      try TarArchive.forEach(file) { (member, small) throws(DatasetError) in
        guard let name = TarSample.Name(member.name) else {
          scan.notes.passedOver.add(member.name)
          return
        }
        if name.key != scan.sample.key {
          try scan.endSample(file, shard)
          scan.sample.key = name.key
        }
        try scan.add(member, name, small, of: file)
      }
      try scan.endSample(file, shard)
      self = scan
    }

    private mutating func add(
      _ member: TarMember, _ name: TarSample.Name, _ small: UnsafeRawBufferPointer,
      of file: RandomAccessFile
    ) throws(DatasetError) {
      guard name.isPhoto || name.isLabel else {
        notes.passedOver.add(member.name)
        return
      }
      guard sample.members.insert(member.name).inserted else {
        throw .unusable(
          path: file.path, reason: "has \(member.name) twice in one sample; remove one of them")
      }
      let found = try followed(member, of: file)
      if name.isPhoto {
        guard found.range.count <= Int(UInt32.max) else {
          throw .unusable(
            path: file.path,
            reason: "has \(found.range.count) bytes in \(member.name), too many for a photo")
        }
        sample.photos.append((name.stem, found))
        return
      }
      guard found.range.count <= TarSample.textLimitBytes else {
        throw .unusable(
          path: file.path,
          reason: "has \(found.range.count) bytes in \(member.name), more than the "
            + "\(TarSample.textLimitBytes) that are read of a label")
      }
      var bytes = Array(small)
      if bytes.count < found.range.count {
        do throws(ImageError) {
          bytes = try file.bytes(at: found.range.lowerBound, count: found.range.count)
        } catch {
          throw .unreadable(path: file.path, reason: error.description)
        }
      }
      try describe(bytes, name, of: file)
    }

    /// The member, or the file that it is a link to.
    private mutating func followed(
      _ member: TarMember, of file: RandomAccessFile
    ) throws(DatasetError) -> TarMember {
      if member.kind == .file { return member }
      if member.kind == .other {
        throw .unusable(
          path: file.path,
          reason: "has \(member.name), which is a device or a sparse file; pack it as a plain one")
      }
      let table = if let links { links } else { try TarLinks(file) }
      links = table
      guard let target = table.file(of: member) else {
        throw .unusable(
          path: file.path,
          reason: "has \(member.name), a link to what is not in it; pack the photos themselves "
            + "(tar --dereference --hard-dereference)")
      }
      return target
    }

    private mutating func describe(
      _ bytes: [UInt8], _ name: TarSample.Name, of file: RandomAccessFile
    ) throws(DatasetError) {
      if !name.isJSON {
        let text = String(validating: bytes, as: UTF8.self)?
          .split(whereSeparator: \.isWhitespace).joined(separator: " ")
        guard let text, !text.isEmpty else {
          throw .unusable(path: file.path, reason: "has no label in \(name.whole): no UTF-8 text")
        }
        sample.notes.append(TarSample.Note(stem: name.stem, isJSON: false, label: text))
        return
      }
      guard let fields = JSONFields(bytes) else {
        throw .unusable(path: file.path, reason: "has no JSON object in \(name.whole)")
      }
      labelKey =
        labelKey ?? ["label", "cls", "class", "identity", "person"].first { fields[$0] != nil }
      sample.notes.append(
        TarSample.Note(
          stem: name.stem, isJSON: true, label: labelKey.flatMap { fields[$0] },
          path: fields["path"], person: fields["person"] ?? fields["identity"]))
    }

    private mutating func endSample(
      _ file: RandomAccessFile, _ shard: UInt16
    ) throws(DatasetError) {
      for found in try sample.labelled(in: file.path) {
        shards.append(shard)
        offsets.append(found.photo.range.lowerBound)
        sizes.append(UInt32(found.photo.range.count))
        labels.append(found.label)
        let member = found.photo.name
        let name = found.path ?? (member.hasPrefix("./") ? String(member.dropFirst(2)) : member)
        let prefix = isOneOfSeveral && found.path == nil ? Self.stem(file.path) + "/" : ""
        paths.append((prefix + name).utf8)
        persons.add(found.person, for: found.label)
        folders.add(name.utf8.lastIndex(of: 0x2F).map { String(name[..<$0]) }, for: found.label)
        meter?.add()
      }
      sample = TarSample()
    }

    private static func stem(_ path: String) -> String {
      let name = path.split(separator: "/").last.map(String.init) ?? path
      return name.hasSuffix(".tar") ? String(name.dropLast(4)) : name
    }
  }
}
