import Collectives
import Datasets
import Foundation
import Inputs
import RunSupport
import Testing
import Threads
import Training

/// What ranks compare of their data at the start beside the names.
@Suite struct DataAgreementTests {
  /// The fingerprint of a folder of 40 photos after `change` was made to it.
  private static func fingerprint(_ change: (String) throws -> Void = { _ in }) throws -> UInt64 {
    let folder = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try SyntheticFaces(people: 10, photosPerPerson: 4, size: 32, seed: 5).writeFolder(to: folder)
    try change(folder)
    let pool = WorkerPool(count: 1)
    defer { pool.end() }
    let configuration = SmallRun.configuration { $0.data = .folder(folder) }
    return try TrainingData.open(configuration, communicator: SoloCommunicator(), pool: pool)
      .sample().hash
  }

  private static func file(_ photo: Int, in folder: String) throws -> URL {
    let set = try PhotoSet(path: folder)
    return URL(fileURLWithPath: folder + "/" + set.index.photos[photo].path)
  }

  @Test func copiesOfOneFolderAgree() throws {
    #expect(try Self.fingerprint() == Self.fingerprint())
  }

  @Test("A photo of another length is seen in each place", arguments: [0, 1, 3, 17, 39])
  func anotherLengthIsSeen(photo: Int) throws {
    let other = try Self.fingerprint { folder in
      let file = try Self.file(photo, in: folder)
      try (Data(contentsOf: file) + [0]).write(to: file)
    }
    #expect(try other != Self.fingerprint())
  }

  @Test("Other bytes of the same length are seen in the photos that are read")
  func otherBytesAreSeen() throws {
    let other = try Self.fingerprint { folder in
      let file = try Self.file(0, in: folder)
      var bytes = try Data(contentsOf: file)
      bytes[bytes.count / 2] ^= 1
      try bytes.write(to: file)
    }
    #expect(try other != Self.fingerprint())
  }

  @Test func aPhotoThatIsNotThereIsNoError() throws {
    // Named when it is loaded, and only where it is wanted.
    let other = try Self.fingerprint { folder in
      let file = try Self.file(5, in: folder)
      try FileManager.default.removeItem(at: file)
      try FileManager.default.createSymbolicLink(
        atPath: file.path, withDestinationPath: "/nowhere")
    }
    #expect(try other != Self.fingerprint())
  }
}
