internal import Interchange
internal import Threads

/// Photos in WebDataset's tar shards: `KEY.jpg` (`.png`, `.webp`) with `KEY.cls`, `KEY.json` or
/// `KEY.txt`.
///
/// A key is a member's path up to the first dot of its last component (webdataset/tariterators.py);
/// consecutive members of one key are a sample (`TarSample`). Photos are in the order of the
/// shards. A person is the label in `.cls`, or what `.json` calls by one of `TarSample.labelKeys`,
/// or a `.txt` of one short line; a photo is called by what `.json` calls `path`, else by its
/// member's name. People whose label is in `.cls` are called by what `.json` calls `person` or
/// `identity`, else by the folder in the photo's name, where each has one of its own, else by the
/// label. Members that are hidden (macOS puts a `._NAME` beside each) are none, links are what they
/// lead to. Photos without a label are left out and counted, up to one in twenty.
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
    try scan.requireFewUnlabelled(paths[0])
    if let first = scan.empty.first {
      scan.notes.warnings.append(
        "shards that hold nothing: \(scan.empty.count), such as \(first); fetch them again")
    }
    scan.notes.warnings += Self.gaps(in: paths)
    if let first = scan.endless.first {
      scan.notes.warnings.append(
        "\(first) ends at byte \(files.first { $0.path == first }?.byteCount ?? 0) without the zeros "
          + "that a tar archive ends with"
          + (scan.endless.count > 1 ? ", as \(scan.endless.count - 1) more do" : "")
          + ": it may have been cut short; what is there is taken")
    }
    self.files = files
    if let (label, names) = scan.claims.contradiction {
      scan.notes.warnings.append(
        "\(paths[0]): the .cls are taken for the labels, and the .json beside them say otherwise: "
          + "class \(label) is '\(names[0])' and '\(names[1])' to them; if the .json say who is on "
          + "a photo, leave the .cls away")
    }
    notes = scan.notes
    (shards, offsets, sizes) = (scan.shards, scan.offsets, scan.sizes)
    var people = scan.labels.people()
    let names = scan.paths
    if !people.take(scan.persons) { people.take(scan.folders) }
    labels = people.labels
    index = PhotoIndex(
      photos: PhotoList(people: people.people) { names[$0] }, people: people.names)
  }

  /// A warning of numbers that lack between those of the shards at `paths`, where fewer lack than
  /// there are.
  private static func gaps(in paths: [String]) -> [String] {
    var numbers: [String: Set<Int>] = [:]
    for path in paths {
      let digits = path.utf8.dropLast(4).reversed().prefix { (0x30...0x39).contains($0) }.count
      let stem = String(path.dropLast(4))
      guard path.hasSuffix(".tar"), digits > 0, let number = Int(stem.suffix(digits)) else {
        continue
      }
      numbers[String(stem.dropLast(digits)), default: []].insert(number)
    }
    return numbers.sorted { $0.key < $1.key }.compactMap { stem, found in
      let (least, most) = (found.min()!, found.max()!)
      let lacking = most - least + 1 - found.count
      guard lacking > 0, lacking < found.count,
        let first = (least...most).first(where: { !found.contains($0) })
      else { return nil }
      return
        "shards that lack between the numbers \(least) and \(most) of \(stem): \(lacking), the "
        + "first is number \(first)"
    }
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
    /// Whom `.json` says to be on photos that have a `.cls`.
    var claims = NamesOfLabels()
    private var isTextSaid = false
    var notes = DataNotes()
    private var sample = TarSample()
    /// The word by which `.json` says who is on a photo; the first one decides for all.
    private var labelKey: String?
    /// The photos without a label: how many, and the first.
    private var unlabelled: (count: Int, example: String, archive: String) = (0, "", "")
    private var links: TarLinks?
    /// The shards that have no end.
    var endless: [String] = []
    /// The shards that hold nothing.
    var empty: [String] = []

    init(isOneOfSeveral: Bool, meter: WorkMeter?) {
      self.isOneOfSeveral = isOneOfSeveral
      self.meter = meter
    }

    mutating func go(through file: RandomAccessFile, shard: UInt16) throws(DatasetError) {
      var scan = self
      scan.links = nil
      var isEmpty = true
      let hasEnd = try TarArchive.forEach(file) { (member, small) throws(DatasetError) in
        isEmpty = false
        guard let name = TarSample.Name(member.name) else {
          scan.notes.passedOver.add(member.name)
          return
        }
        if ExactText(name.key) != scan.sample.key {
          try scan.endSample(file, shard)
          scan.sample.key = ExactText(name.key)
        }
        try scan.add(member, name, small, of: file)
      }
      try scan.endSample(file, shard)
      if isEmpty {
        scan.empty.append(file.path)
      } else if !hasEnd {
        scan.endless.append(file.path)
      }
      self = scan
    }

    private mutating func add(
      _ member: TarMember, _ name: TarSample.Name, _ small: UnsafeRawBufferPointer,
      of file: RandomAccessFile
    ) throws(DatasetError) {
      guard name.isPhoto || name.note != nil else {
        notes.passedOver.add(member.name)
        return
      }
      guard sample.members.insert(ExactText(member.name)).inserted else {
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
        sample.photos.append((ExactText(name.stem), found))
        return
      }
      guard let kind = name.note else { return }
      if kind == .txt, found.range.count > TarSample.plainLimitBytes {
        notes.passedOver.add(member.name)
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
      try describe(bytes, name, kind, of: file)
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
      _ bytes: [UInt8], _ name: TarSample.Name, _ kind: TarSample.NoteKind,
      of file: RandomAccessFile
    ) throws(DatasetError) {
      func note(_ label: String?, _ fields: JSONFields? = nil) {
        sample.notes.append(
          TarSample.Note(
            name: name.whole, stem: ExactText(name.stem), kind: kind, label: label, fields: fields))
      }
      if kind != .json {
        let text = String(validating: bytes, as: UTF8.self)?[...].trimmedASCII
        if kind == .txt {
          // A caption of several lines is no label.
          let isLabel = text.map { !$0.isEmpty && !PhotoLabels.hasControls(String($0)) } ?? false
          return note(isLabel ? text.map(String.init) : nil)
        }
        guard let text, !text.isEmpty else {
          throw .unusable(path: file.path, reason: "has no label in \(name.whole): no UTF-8 text")
        }
        return note(String(text))
      }
      let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
      let bytes = bytes.starts(with: mark) ? Array(bytes.dropFirst(mark.count)) : bytes
      guard let fields = JSONFields(bytes) else {
        // A number or a text may stand alone.
        let alone = JSONFields(Array("{\"label\":".utf8) + bytes + Array("}".utf8))
        guard let label = alone?["label"] else {
          throw .unusable(path: file.path, reason: "has no JSON object in \(name.whole)")
        }
        return note(label)
      }
      note(nil, fields)
    }

    private mutating func chooseLabelKey(_ fields: JSONFields, _ archive: String) {
      let keys = TarSample.labelKeys.filter { key in
        // A name may be that of the file.
        fields[key].map { key != "name" || !ListLayout.looksLikePhoto($0[...]) } ?? false
      }
      guard let first = keys.first else { return }
      labelKey = first
      notes.remarks.append("labels are what each .json calls '\(first)'")
      guard keys.count > 1 else { return }
      let others = keys.dropFirst().map { "'\($0)'" }.joined(separator: ", ")
      notes.warnings.append(
        "\(archive): '\(first)' of each .json is taken for the label, and \(others) "
          + "\(keys.count == 2 ? "is" : "are") not; if another one says who is on a photo, rename "
          + "or remove this one")
    }

    /// Throws `DatasetError` where no photo has a label, or more than one in twenty have none;
    /// warns of fewer.
    mutating func requireFewUnlabelled(_ path: String) throws(DatasetError) {
      let count = unlabelled.count
      guard count > 0 || !offsets.isEmpty else {
        throw .unusable(
          path: path,
          reason: "holds no .jpg, .png or .webp with a .cls, .json or .txt beside it")
      }
      guard count > 0 else { return }
      guard 20 * count <= count + offsets.count else {
        throw .unusable(
          path: unlabelled.archive,
          reason: TarSample.unlabelled(unlabelled.example)
            + (count == 1 ? "" : "; so it is with \(count) of \(count + offsets.count) photos")
            + (offsets.isEmpty && unlabelled.example.contains("/")
              ? ". If its folders are the people, unpack it and give the folder, or pack that with "
                + "'ddp-train pack FOLDER --to tar'" : ""))
      }
      notes.warnings.append(
        "\(count) of \(count + offsets.count) photos have no label beside them and are left out, "
          + "such as \(unlabelled.example) (up to one in twenty)")
    }

    private mutating func endSample(
      _ file: RandomAccessFile, _ shard: UInt16
    ) throws(DatasetError) {
      // What a .cls says counts before, and then a .json has names alone.
      let classes = Set(sample.notes.lazy.filter { $0.kind == .cls }.map(\.stem))
      for place in sample.notes.indices where !sample.photos.isEmpty {
        let note = sample.notes[place]
        let isSaid = classes.contains(note.stem) || sample.photos.count == 1 && !classes.isEmpty
        guard let fields = note.fields, !isSaid else { continue }
        if labelKey == nil { chooseLabelKey(fields, file.path) }
        sample.notes[place].label = labelKey.flatMap { fields[$0] }
      }
      let (labelled, others) = try sample.labelled(in: file.path)
      for photo in others {
        if unlabelled.count == 0 { unlabelled = (0, photo.name, file.path) }
        unlabelled.count += 1
        notes.passedOver.add(photo.name, kind: "photo without a label")
      }
      for text in sample.unusedTexts { notes.passedOver.add(text) }
      for found in labelled {
        let photo = found.photo
        shards.append(shard)
        offsets.append(photo.range.lowerBound)
        sizes.append(UInt32(photo.range.count))
        do throws(LabelProblem) {
          try labels.append(found.label)
        } catch {
          throw .unusable(path: file.path, reason: "has beside \(photo.name) \(error)")
        }
        let member = photo.name
        let name = found.path ?? (member.hasPrefix("./") ? String(member.dropFirst(2)) : member)
        let prefix = isOneOfSeveral && found.path == nil ? Self.stem(file.path) + "/" : ""
        paths.append((prefix + name).utf8)
        persons.add(found.person, for: found.label)
        claims.add(found.claim, for: found.label)
        if found.kind == .txt, !isTextSaid {
          isTextSaid = true
          notes.remarks.append("labels are what each .txt says, such as '\(found.label)'")
        }
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
