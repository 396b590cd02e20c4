import Collectives
import Foundation
import Interchange
import Measuring
import Testing

/// Files of qualities and of subsets beside stored embeddings, as people have them.
@Suite final class EvaluationFilesTests {
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

  /// What is wrong with an evaluation; nil where nothing is.
  private func complaint(_ change: (inout EvaluateRequest) -> Void) -> String? {
    var request = EvaluateRequest(
      source: .embeddings(file: folder + "/faces.npy", names: folder + "/faces.txt"), quiet: true)
    request.pairs = [folder + "/pairs.txt"]
    change(&request)
    do {
      try request.run(over: SoloCommunicator())
      return nil
    } catch { return "\(error)" }
  }

  private func quality(_ lines: [String], column: String = "", file: String = "q.csv") throws
    -> String?
  {
    try write(file, lines)
    return complaint { $0.quality = folder + "/" + file + column }
  }

  @Test func theTitleSaysWhichColumnIsTheName() throws {
    let rows = photos.enumerated().map { "\(0.5 + Double($0)),\($1)" }
    #expect(try quality(["q,name"] + rows) == nil)
    #expect(try quality(["q,path"] + rows, column: ":q") == nil)
    // The index of pandas, and more columns.
    #expect(
      try quality([",name,q"] + photos.enumerated().map { "\($0),\($1),\(7 - $0)" }) == nil)
    #expect(
      try quality(
        ["q,age,image"] + photos.enumerated().map { "\($0),30,\($1)" }, column: ":Q") == nil)
    let text = try #require(try quality(["name,q,age"] + photos.map { "\($0),1,2" }))
    #expect(text.contains("line 1") && text.contains("say which is the quality"))
  }

  @Test func blankLinesAreNoPhotos() throws {
    let rows = photos.map { "\($0);1" }
    #expect(try quality(["name;q"] + rows + ["", ""]) == nil)
    #expect(try quality(["name;q"] + rows + [";"]) == nil)
    #expect(try quality(["SEP=;", "name;q", ""] + rows) == nil)
    #expect(try quality(["name;q"] + rows + ["a/0.jpg"])?.contains("line 6: has 1 cells") == true)
  }

  @Test func aFileMayHaveAColonInItsName() throws {
    let rows = photos.map { "\($0),1" }
    #expect(try quality(["name,q"] + rows, file: "q:r.csv") == nil)
    #expect(try quality(["name,q"] + rows, column: ":q", file: "q:r.csv") == nil)
    let text = try #require(try quality(["name,q"] + rows, column: ":x", file: "q:r.csv"))
    #expect(text.contains("q:r.csv', line 1: has the columns name, q"))
  }

  /// The first photo would be taken for the titles, and left out.
  @Test func aFileWithoutTitlesIsRefused() throws {
    let text = try #require(try quality(photos.map { "\($0),0.5" } + ["c/9.jpg,1"]))
    #expect(text.contains("line 1") && text.contains("put a first line such as 'name,quality'"))
    #expect(
      try quality(["name;q"] + photos.map { "\($0);0,5" })?.contains("decimal comma") == true)
  }

  @Test func subsetsWithoutAPairEndInAnError() throws {
    try write("groups.txt", ["a x", "b x"])
    #expect(complaint { $0.subsets = folder + "/groups.txt" } == nil)
    try write("groups.txt", ["race,person", "x,a", "y,b"])
    #expect(complaint { $0.subsets = folder + "/groups.txt" } == nil)
    #expect(complaint { $0.subsets = folder + "/groups.txt:race" } == nil)
    try write("groups.txt", ["eve x", "bob y"])
    let strangers = try #require(complaint { $0.subsets = folder + "/groups.txt" })
    #expect(strangers.hasPrefix("--subsets: no line of "))
    #expect(strangers.contains("names 'eve', the first photo is a/0.jpg"))
    try write("groups.txt", ["a/0.jpg x"])
    #expect(
      complaint { $0.subsets = folder + "/groups.txt" }?
        .contains("no pair has both photos in one subset") == true)
    // One of several sets may be of others.
    try write("groups.txt", ["a x", "b x"])
    try write("others.txt", ["a/0.jpg\ta/1.jpg\t1", "a/0.jpg\tb/0.jpg\t0"])
    #expect(
      complaint {
        $0.pairs.append(folder + "/others.txt")
        $0.subsets = folder + "/groups.txt"
      } == nil)
  }
}
