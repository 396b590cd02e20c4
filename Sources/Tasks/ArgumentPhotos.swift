internal import Datasets
private import Foundation
internal import Threads

/// Photos as a command line names them: files, and folders of `person/photo.jpg`.
struct ArgumentPhotos {
  /// As given for files, relative to the folder for its photos.
  private(set) var names: [String] = []
  /// Who is on each photo, by its folder; nil for single files and for photos right in the folder.
  private(set) var people: [String?] = []
  private var files: [String] = []
  /// What is passed over in the folders, and what is most likely not meant.
  private(set) var notes: [DataNotes] = []

  /// Lists `arguments` in their order; throws `DatasetError` for what is not there and, with
  /// `oneEach`, `TaskError.severalPhotos` for a folder of several. The files at the paths `used`
  /// are given for something else; `meter` counts photos as they are found.
  init(
    _ arguments: [String], besides used: [String], oneEach: Bool = false, meter: WorkMeter? = nil
  ) throws {
    for argument in arguments {
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: argument, isDirectory: &isFolder) else {
        throw DatasetError.unreadable(path: argument, reason: "there is no such file or folder")
      }
      guard isFolder.boolValue else {
        names.append(argument)
        people.append(nil)
        files.append(argument)
        continue
      }
      let folder = try FaceFolder(ofTask: argument, besides: used, meter: meter)
      notes.append(folder.notes)
      if oneEach, folder.photos.count > 1 {
        throw TaskError.severalPhotos(argument, names: folder.photos.map(\.path))
      }
      for photo in folder.photos {
        let person = folder.people[photo.person]
        names.append(photo.path)
        people.append(person == "." ? nil : person)
        files.append(argument + "/" + photo.path)
      }
    }
  }

  /// The photos as an index of one person, by their paths with the folders that were named, for
  /// what needs paths alone; then those of `others` that are other files, so that a name which fits
  /// photos of both means none.
  func index(beside others: [ArgumentPhotos]) -> PhotoIndex {
    let own = Set(origins)
    let beside = others.flatMap { zip($0.files, $0.origins).filter { !own.contains($0.1) } }
    let paths = files + beside.map(\.0)
    return PhotoIndex(photos: paths.map { Photo(path: $0, person: 0) }, people: ["."])
  }

  /// The files themselves, whatever they are called by.
  var origins: [String] {
    files.map { URL(fileURLWithPath: $0).resolvingSymlinksInPath().path }
  }

  var source: any PhotoSource { FileSource(files: files) }
}

/// Photos in files anywhere.
private struct FileSource: PhotoSource {
  let files: [String]

  var count: Int { files.count }
  func name(of photo: Int) -> String { files[photo] }

  func read(_ photo: Int, into buffer: ByteBuffer) throws(ImageError) {
    try FileReader.read(files[photo], into: buffer)
  }
}
