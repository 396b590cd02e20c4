package import Datasets
internal import EmbeddingFiles
private import Foundation
internal import Interchange
internal import Losses
package import Threads

/// Embeddings that a teacher has made of the training photos before the run, in a file that is
/// read where it lies.
///
/// Its rows are found by the photos' names, in whatever order. A row whose name ends in
/// `MirroredName.ending` is that of the photo with left and right exchanged; without such rows the
/// photo's own is taken for both.
package final class StoredTeacher: Teacher {
  package let width: Int
  package let hash: UInt64
  /// Photos that train and have no direction in the file: they train by the loss alone.
  package let untaught: Int
  /// Whether mirrored samples have rows of their own.
  package let hasMirrored: Bool
  /// Whether the file is read where it lies; else it is held in memory.
  package let isMapped: Bool
  private let rows: EmbeddingRows
  /// By photo, -1 for none; the mirrored ones behind, where there are any.
  private let places: [Int32]
  private let photoCount: Int

  /// Reads and checks the file at `path` for those `photos` that are `training`, on all workers of
  /// `pool`. At most the share `badLimit` of them may lack a direction, as photos do that cannot be
  /// read; `tell` is given a sentence of what is passed over. Throws `TeacherError` and what is
  /// wrong with the file.
  package init(
    path: String, photos: PhotoList, training: [Int], badLimit: Double, pool: WorkerPool,
    tell: (String) -> Void
  ) throws {
    let (rows, names) = try Self.open(path, tell: tell)
    let found = try RowPlaces(names, path: path, photos: photos, training: training)
    (self.rows, width, photoCount) = (rows, rows.width, photos.count)
    (places, hasMirrored) = (found.places, found.hasMirrored)
    isMapped = rows.heldBytes == 0
    let directions = RowDirections(of: rows, found, training: training, pool: pool)
    hash = directions.hash
    untaught = directions.notFinite + directions.zero
    guard untaught > 0 else { return }
    let example = photos[directions.example].path
    guard Double(untaught) <= badLimit * Double(training.count) else {
      throw TeacherError.withoutDirection(
        path: path, notFinite: directions.notFinite, zero: directions.zero,
        photos: training.count, example: example, limit: badLimit)
    }
    tell(
      "\(path): \(untaught) of the \(training.count) photos that train have no embedding in it, such "
        + "as \(example): they train by the loss alone, if they can be read")
  }

  private static func open(
    _ path: String, tell: (String) -> Void
  ) throws -> (EmbeddingRows, [String]) {
    // An array without names has them beside it, as embed writes it.
    let form = EmbeddingFile(path: path)
    let beside = form?.namesPath(beside: path) ?? path + ".txt"
    let isArray = try form != .csv && TensorFiles.kind(of: path) == .numPyArray
    let names = isArray && FileManager.default.fileExists(atPath: beside) ? beside : nil
    do {
      return try EmbeddingFile.open(path, names: names, tell: tell)
    } catch let error as EmbeddingFileError {
      throw error.asTeacher(path: path, beside: beside) ?? error
    }
  }

  package var bytes: (rank: Int, worker: Int) {
    (4 * places.count + rows.heldBytes, 0)
  }

  package func row(of photo: Int, isMirrored: Bool) -> Int32 {
    places[isMirrored && hasMirrored ? photoCount + photo : photo]
  }

  package func teach(
    _ rows: UnsafeBufferPointer<Int32>, images: UnsafePointer<Float>, on worker: Int,
    into targets: UnsafeMutablePointer<Float>
  ) {
    for (item, row) in rows.enumerated() {
      let target = targets + item * width
      guard row >= 0 else {
        target.update(repeating: 0, count: width)
        continue
      }
      self.rows.read(Int(row), into: target)
      if !RowDirections.hasDirection(target, width) { target.update(repeating: 0, count: width) }
    }
  }
}
