private import Synchronization

/// Synthetic faces that are drawn each time they are read: sets of any size take no memory, and no
/// time before the first step. The bytes are those of a set that is drawn beforehand.
package final class DrawnPhotos: PhotoSource {
  /// Photos above which a set is not kept in memory: about 300 MB of them at 64 pixels.
  package static let keptCount = 100_000

  private let faces: SyntheticFaces
  private let artists = Mutex<[Artist]>([])

  /// One thread has an artist at a time.
  private struct Artist: @unchecked Sendable {
    let artist: SyntheticArtist
  }

  /// The photos of `faces`, person by person.
  package init(_ faces: SyntheticFaces) { self.faces = faces }

  package var count: Int { faces.count }

  package func name(of photo: Int) -> String {
    faces.path(person: photo / faces.photosPerPerson, photo: photo % faces.photosPerPerson)
  }

  package func read(_ photo: Int, into buffer: ByteBuffer) throws(ImageError) {
    let artist =
      artists.withLock { $0.popLast() } ?? Artist(artist: SyntheticArtist(faces))
    let bytes = artist.artist.jpeg(
      person: photo / faces.photosPerPerson, photo: photo % faces.photosPerPerson)
    artists.withLock { $0.append(artist) }
    bytes.withUnsafeBytes { buffer.set($0) }
  }
}
