/// Writes photos as a pack that MXNet or WebDataset reads, whole or not at all.
package enum PackWriter {
  /// What a pack can be.
  package enum Form: String, Sendable, CaseIterable {
    /// MXNet RecordIO as InsightFace lays it out.
    case rec
    /// A tar archive as WebDataset reads it.
    case tar
  }

  /// The files of a pack.
  package struct Paths: Sendable {
    /// The photos.
    package let pack: String
    /// What belongs to them alone.
    package var beside: [String] = []
    /// What says how many people and pixels the packs of its folder have; nil for none.
    package var property: String?
    /// Whether the folder is made where it is not there.
    package var makesFolder = false
  }

  /// The files that a pack at `path` may have.
  package static func paths(of form: Form, to path: String) -> Paths {
    switch form {
    case .tar: return Paths(pack: path)
    case .rec:
      let isFile = path.hasSuffix(".rec")
      let stem = isFile ? String(path.dropLast(4)) : path + "/train"
      let folder = stem.lastIndex(of: "/").map { String(stem[...$0]) } ?? ""
      return Paths(
        pack: stem + ".rec",
        beside: [".idx", ".lst", RecordPack.peopleEnding].map { stem + $0 },
        property: folder + "property", makesFolder: !isFile)
    }
  }

  /// Throws `DatasetError.badOption` for an `--out` by which readers would take the pack for
  /// another form of data, or for several.
  package static func checkName(of form: Form, to path: String) throws(DatasetError) {
    if path.hasSuffix(".tar"), path.contains("{") {
      throw .badOption(
        name: "--out", text: path,
        reason: "means several shards to who reads it, and pack writes one; leave the braces out")
    }
    let others = [".rec", ".idx", ".lst", ".tar", ".bin", ".mdb", ".zip", ".gz", ".tgz"]
    let own = "." + form.rawValue
    if let ending = others.first(where: { $0 != own && path.lowercased().hasSuffix($0) }) {
      throw .badOption(
        name: "--out", text: path,
        reason: "ends in \(ending), and --to \(form.rawValue) writes another form; give NAME\(own)")
    }
  }

  /// Writes all photos of `set` in their order, bytes as they are; returns the files written, the
  /// pack itself last. `progress` is told the number of photos done.
  ///
  /// Throws `DatasetError.photoOutOfReach` for a photo that cannot be read, what the file system
  /// has against writing, and what `progress` throws.
  package static func write(
    _ set: PhotoSet, as form: Form, to path: String, progress: (Int) throws -> Void = { _ in }
  ) throws -> [String] {
    switch form {
    case .rec: try RecordWriter.write(set, to: path, progress: progress)
    case .tar: try TarWriter.write(set, to: path, progress: progress)
    }
  }

  /// Whether readers of a pack know what people are called by the folders of their photos, or by
  /// their numbers alone.
  static func namesShow(in index: PhotoIndex) -> Bool {
    let people = index.people
    if people.indices.allSatisfy({ people[$0] == String($0) }) { return true }
    return index.photos.allSatisfy { photo in
      let (path, name) = (photo.path.utf8, people[photo.person].utf8)
      return path.lastIndex(of: 0x2F).map { path[..<$0].elementsEqual(name) } ?? false
    }
  }

  /// The bytes of a photo in `buffer`; throws `DatasetError.photoOutOfReach`.
  package static func read(
    _ photo: Int, of set: PhotoSet, into buffer: ByteBuffer
  ) throws(DatasetError) {
    do throws(ImageError) {
      try set.source.read(photo, into: buffer)
    } catch {
      throw .photoOutOfReach(photo: set.source.name(of: photo), reason: error.description)
    }
  }
}
