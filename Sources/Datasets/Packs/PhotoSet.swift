#if canImport(Glibc)
  private import Glibc
#else
  private import Darwin
#endif
private import Interchange
package import Threads

/// A data set on disk, whatever holds it: its photos in order, their people, and where the bytes
/// are.
///
/// The same photos have the same order and the same people in every format that `pack` writes.
package struct PhotoSet: Sendable {
  /// What can hold photos.
  package enum Format: String, Sendable {
    case folder = "image folder"
    case recordIO = "MXNet RecordIO pack"
    case tar = "WebDataset shards"
    case metadata = "imagefolder with metadata"
    case lmdb = "LMDB of photos"
    case list = "list of photos"
  }

  /// What the path turned out to be.
  package let format: Format
  /// Its photos and people.
  package let index: PhotoIndex
  /// Where the bytes of the photos come from.
  package let source: any PhotoSource
  /// The label of each person, ascending, where the data call people by numbers.
  package let labels: [Int]?
  /// What is passed over, and what is most likely not meant.
  package let notes: DataNotes

  /// Opens what `path` names, and recognises it by itself:
  /// - a folder with `train.rec`, or one other `.rec`, in it, or such a file: a RecordIO pack;
  /// - a folder of `.tar` files, such a file, or several as `name-{000..146}.tar`: WebDataset
  ///   shards;
  /// - a file of LMDB, or a folder with `data.mdb` in it;
  /// - a folder with `metadata.csv` or `metadata.jsonl` in it or in its folders, or such a file;
  /// - any other file: a list of photos;
  /// - any other folder, and `folder:PATH` whatever lies in it: `person/photo.jpg`.
  ///
  /// Throws `DatasetError`, also for a folder that is several of these. The files at the paths
  /// `used` are given for something else, so that they are not among what is passed over; `meter`
  /// counts photos as they are found.
  package init(
    path: String, besides used: [String] = [], meter: WorkMeter? = nil
  ) throws(DatasetError) {
    let (form, path, said) = try DataForm.of(path, besides: used, meter: meter)
    switch form {
    case .records(let file):
      let pack = try RecordPack(path: file, meter: meter)
      self.init(.recordIO, pack.index, pack, pack.labels, pack.notes, said)
    case .shards(let files):
      let shards = try TarShards(paths: files, meter: meter)
      self.init(.tar, shards.index, shards, shards.labels, shards.notes, said)
    case .lmdb(let file):
      let pack = try LMDBPhotos(path: file, meter: meter)
      self.init(.lmdb, pack.index, pack, pack.labels, pack.notes, said)
    case .metadata(let files, let root):
      let listed = try ListedPhotos(metadata: files, in: root, meter: meter)
      var notes = FolderNotes.ofMetadata(
        root, listed.paths, files: files.map { ($0.part.isEmpty ? "" : $0.part + "/") + $0.name },
        besides: used, listed.index, meter)
      notes.add(listed.notes)
      self.init(.metadata, listed.index, listed, listed.labels, notes, said)
    case .list:
      let listed = try ListedPhotos(list: path, meter: meter)
      self.init(.list, listed.index, listed, listed.labels, listed.notes, said)
    case .folder:
      let folder: FaceFolder
      do throws(DatasetError) {
        folder = try FaceFolder(
          root: path, besides: used, meter: meter, for: .dataWithMetadata)
      } catch {
        guard case .noPhotos = error else { throw error }
        throw try DataForm.packedContents(of: path) ?? error
      }
      self.init(.folder, folder.index, FolderSource(folder), nil, folder.notes, said)
    }
  }

  private init(
    _ format: Format, _ index: PhotoIndex, _ source: any PhotoSource, _ labels: [Int]?,
    _ notes: DataNotes, _ said: DataNotes
  ) {
    self.format = format
    self.index = index
    self.source = source
    self.labels = labels
    var notes = notes
    notes.add(said)
    notes.warnings += FolderNotes.nearNames(index.people)
    if format != .folder { notes.warnings += FolderNotes.nobody(among: index) }
    self.notes = notes
  }
}
