/// Writes photos as a pack that MXNet or WebDataset reads, whole or not at all.
package enum PackWriter {
  /// What a pack can be.
  package enum Form: String, Sendable, CaseIterable {
    /// MXNet RecordIO as InsightFace lays it out.
    case rec
    /// A tar archive as WebDataset reads it.
    case tar
  }

  /// Writes all photos of `set` in their order, bytes as they are; returns the files written, the
  /// pack itself last. `progress` is told the number of photos done.
  ///
  /// Throws `DatasetError.photoOutOfReach` for a photo that cannot be read, and what the file
  /// system has against writing.
  package static func write(
    _ set: PhotoSet, as form: Form, to path: String, progress: (Int) -> Void = { _ in }
  ) throws -> [String] {
    switch form {
    case .rec: try RecordWriter.write(set, to: path, progress: progress)
    case .tar: try TarWriter.write(set, to: path, progress: progress)
    }
  }

  /// The bytes of a photo in `buffer`; throws `DatasetError.photoOutOfReach`.
  static func read(_ photo: Int, of set: PhotoSet, into buffer: ByteBuffer) throws(DatasetError) {
    do throws(ImageError) {
      try set.source.read(photo, into: buffer)
    } catch {
      throw .photoOutOfReach(photo: set.source.name(of: photo), reason: error.description)
    }
  }
}
