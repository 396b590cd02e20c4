import Collectives
import Foundation
import Interchange
import Measuring
import Testing

/// `--quality FILE` whose lines say two things of a photo, or do not say which photo they mean.
@Suite final class QualityFileTests {
  private let folder: String
  private let photos = ["a/0.jpg", "a/1.jpg", "b/0.jpg", "b/1.jpg"]

  init() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try NumPyFile.write([1, 0, 1, 0.1, 0, 1, 0.1, 1], shape: [4, 2], to: folder + "/faces.npy")
    try write("faces.txt", photos)
    try write(
      "pairs.txt",
      ["a/0.jpg\ta/1.jpg\t1", "b/0.jpg\tb/1.jpg\t1", "a/0.jpg\tb/0.jpg\t0", "a/1.jpg\tb/1.jpg\t0"])
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  private func write(_ name: String, _ lines: [String]) throws {
    try (lines.joined(separator: "\n") + "\n").write(
      toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
  }

  /// What is wrong with the lines of qualities; nil where nothing is.
  private func complaint(_ lines: [String]) throws -> String? {
    try write("quality.csv", ["name,quality"] + lines)
    var request = EvaluateRequest(
      source: .embeddings(file: folder + "/faces.npy", names: folder + "/faces.txt"), quiet: true)
    request.pairs = [folder + "/pairs.txt"]
    request.quality = folder + "/quality.csv"
    do {
      try request.run(over: SoloCommunicator())
      return nil
    } catch { return "\(error)" }
  }

  @Test func aPhotoWithTwoQualitiesIsRefused() throws {
    let once = photos.map { "\($0),1" }
    #expect(try complaint(once) == nil)
    #expect(try complaint(once + ["a/0.jpg,1"]) == nil)
    var text = try #require(try complaint(once + ["a/0.jpg,2"]))
    #expect(text.contains("line 6") && text.contains("'a/0.jpg' the quality 2.0, line 2 gives"))
    // The same photo by another name.
    text = try #require(try complaint(once + ["a/0,2"]))
    #expect(text.contains("line 6") && text.contains("line 2 gives 'a/0.jpg' 1.0"))
  }

  @Test func aNameOfSeveralPhotosIsRefused() throws {
    let text = try #require(try complaint(photos.map { "\($0),1" } + ["1.jpg,2"]))
    #expect(text.contains("line 6") && text.contains("'1.jpg', which may be a/1.jpg, b/1.jpg"))
    // A photo that is not there is none.
    #expect(try complaint(photos.map { "\($0),1" } + ["c/7.jpg,2"]) == nil)
  }
}
