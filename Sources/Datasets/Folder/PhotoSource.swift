private import Preconditions

/// Where the bytes of photos come from: a folder, a packed file, or memory.
///
/// Implementations serve several threads at once.
package protocol PhotoSource: Sendable {
  /// The number of photos.
  var count: Int { get }

  /// What to call photo `photo` in a message.
  func name(of photo: Int) -> String

  /// Overwrites `buffer` with the bytes of photo `photo`; throws why it cannot.
  func read(_ photo: Int, into buffer: ByteBuffer) throws(ImageError)

  /// The bytes of photo `photo`, as far as they are known without reading it.
  func byteCount(of photo: Int) -> Int?
}

extension PhotoSource {
  package func byteCount(of photo: Int) -> Int? { nil }
}

/// The photos of an image folder.
package struct FolderSource: PhotoSource {
  private let root: String
  private let photos: PhotoList

  /// The files of `folder`.
  package init(_ folder: FaceFolder) {
    root = folder.root
    photos = folder.photos
  }

  package var count: Int { photos.count }
  package func name(of photo: Int) -> String { photos[photo].path }

  package func read(_ photo: Int, into buffer: ByteBuffer) throws(ImageError) {
    try FileReader.read(root + "/" + photos[photo].path, into: buffer)
  }

  package func byteCount(of photo: Int) -> Int? {
    FileReader.byteCount(of: root + "/" + photos[photo].path)
  }
}

/// Photos whose bytes are in memory.
package struct MemorySource: PhotoSource {
  private let files: [[UInt8]]
  private let names: [String]

  /// `files` as they are, photo i called `names[i]`.
  package init(_ files: [[UInt8]], names: [String]) {
    require(
      files.count == names.count, "MemorySource: \(files.count) files, \(names.count) names")
    self.files = files
    self.names = names
  }

  package var count: Int { files.count }
  package func name(of photo: Int) -> String { names[photo] }

  package func read(_ photo: Int, into buffer: ByteBuffer) throws(ImageError) {
    files[photo].withUnsafeBytes { buffer.set($0) }
  }
}
