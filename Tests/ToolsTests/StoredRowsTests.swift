import Collectives
import Evaluation
import Foundation
import Interchange
import Measuring
import RunSupport
import TestSupport
import Testing

/// Embeddings that other programs have stored, with their names or without.
@Suite final class StoredRowsTests {
  private let folder = SmallRun.temporaryFolder()
  private let rows: [Float] = [1, 0, 1, 0, 0, 1]
  private let names = ["ann/1.jpg", "ann/2.jpg", "bob/1.jpg"]

  init() throws { try Folders.make(folder) }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  private func torch(_ base64: String, _ name: String = "e.pt") throws -> String {
    let bytes = try #require(Data(base64Encoded: base64))
    try bytes.write(to: URL(fileURLWithPath: folder + "/" + name))
    return folder + "/" + name
  }

  private func list(_ lines: [String], _ name: String = "names.txt") throws -> String {
    try TextFile.write(lines.map { $0 + "\n" }.joined(), to: folder + "/" + name)
    return folder + "/" + name
  }

  /// What is wrong with stored embeddings, or how they differ from those of every test.
  private func complaint(_ file: String, _ given: String? = nil) -> String? {
    do {
      let stored = try StoredEmbeddings(file: file, names: given, isQuiet: true)
      if stored.names.map({ Array($0.utf8) }) != names.map({ Array($0.utf8) }) {
        return "the names \(stored.names)"
      }
      return stored.embeddings.values == rows ? nil : "the values \(stored.embeddings.values)"
    } catch { return "\(error)" }
  }

  @Test func whatIsNoFileOfArraysIsNamed() throws {
    for (start, what) in [("{\"a\": [1, 2]}", "JSON"), ("[[1, 2]]", "JSON")] {
      try TextFile.write(start + String(repeating: " ", count: 40), to: folder + "/e.json")
      let found = try #require(complaint(folder + "/e.json"))
      #expect(
        found.hasSuffix("is \(what), which is not read: save its numbers by numpy.save, or as CSV"),
        "\(found)")
    }
    try Data([0x80, 0x04] + [UInt8](repeating: 0x4B, count: 30)).write(
      to: URL(fileURLWithPath: folder + "/e.pkl"))
    let found = try #require(complaint(folder + "/e.pkl"))
    #expect(found.contains("is a pickle of Python's, which is not read"), "\(found)")
  }

  @Test func rowsWithoutADirectionAreNotScored() throws {
    let names = (0..<6).map { "p\($0 / 2)/\($0).jpg" }
    for empty in [[Float](repeating: 0, count: 2), [.nan, 1], [.infinity, 0]] {
      let values: [Float] = [1, 0, 1, 0.1, 0, 1, 0.1, 1, -1, 0] + empty
      try NumPyFile.write(values, shape: [6, 2], to: folder + "/e.npy")
      let stored = try StoredEmbeddings(file: folder + "/e.npy", names: list(names), isQuiet: true)
      let pairs = VerificationPairs(
        pairs: [(0, 1, true), (2, 3, true), (0, 2, false), (4, 5, true), (1, 5, false)].map {
          .init(first: $0.0, second: $0.1, isSame: $0.2, fold: 0)
        }, foldCount: 1, foldRule: "")
      let scored = stored.scored(pairs)
      #expect(scored.pairs == Array(pairs.pairs.prefix(3)) && scored.people == [0, 0, 1, 1, 2, 2])
      let result = EvaluationResult(embeddings: stored.embeddings, pairs: scored)
      #expect(
        result.warnings.contains(
          "2 pairs are left out: the embedding of a photo of theirs is of zeros, or holds a NaN or "
            + "an infinity"), "\(result.warnings)")
      #expect(!result.warnings.contains { $0.contains("equal to nobody") })
    }
  }

  @Test func foldersThatThePairsContradictAreNotPeople() throws {
    try NumPyFile.write([1, 0, 1, 0.1, 0, 1, 0.1, 1], shape: [4, 2], to: folder + "/e.npy")
    let pairs = VerificationPairs(
      pairs: [(0, 1, true), (2, 3, true), (0, 2, false)].map {
        .init(first: $0.0, second: $0.1, isSame: $0.2, fold: 0)
      }, foldCount: 1, foldRule: "")
    for (names, people) in [
      (["a/0", "a/1", "b/2", "b/3"], [0, 0, 1, 1]), (["img/0", "img/1", "img/2", "img/3"], nil),
      (["0/0", "1/1", "2/2", "3/3"], nil),
    ] {
      let stored = try StoredEmbeddings(file: folder + "/e.npy", names: list(names), isQuiet: true)
      #expect(stored.scored(pairs).people == people, "\(names)")
    }
  }

  @Test func ofTwoListsTheNamesAreThoseThatTellRowsApart() throws {
    let path = folder + "/e.npz"
    let tensor = SafetensorsTensor(name: "embeddings", shape: [3, 2], floats: rows)
    for (own, other) in [("paths", "names"), ("names", "labels"), ("names", "paths")] {
      let people = other == "paths" ? ["/data/a", "/data/b", "/data/c"] : ["ann", "ann", "bob"]
      try NumPyArchive.write(
        [
          NumPyMember(tensor), NumPyMember(name: other, strings: people),
          NumPyMember(name: own, strings: names),
        ], to: path)
      #expect(complaint(path) == nil, "\(own)")
    }
  }

  @Test func aFileWithoutRowsIsNamed() throws {
    let path = folder + "/none.csv"
    try TextFile.write("name,0,1\n", to: path)
    let found = try #require(complaint(path))
    #expect(!found.contains("''"), "\(found)")
  }

  @Test(arguments: [
    ("bare", TorchRowFiles.bare), ("legacy", TorchRowFiles.legacy),
    ("vectors", TorchRowFiles.vectors), ("batches", TorchRowFiles.batches),
  ])
  func aTensorOrAListOfTensorsTakesNames(what: String, base64: String) throws {
    let file = try torch(base64)
    #expect(complaint(file, try list(names)) == nil)
    #expect(complaint(file)?.contains("has no names in it; give --names") == true)
    let fewer = try #require(complaint(file, try list(Array(names.dropLast()))))
    #expect(fewer.contains("2 names for 3 embeddings"))
  }

  @Test(arguments: [
    ("byName", TorchRowFiles.byName), ("rowsByName", TorchRowFiles.rowsByName),
    ("named", TorchRowFiles.named), ("paths", TorchRowFiles.paths),
  ])
  func namesInTheFileAreItsOwn(what: String, base64: String) throws {
    for ending in ["e.pt", "e.pth", "e.pth.tar", "e.PT", "e.bin"] {
      #expect(complaint(try torch(base64, ending)) == nil, "\(ending)")
    }
    let file = try torch(base64)
    // The same again is no contradiction.
    #expect(complaint(file, try list(names)) == nil)
    let others = try #require(complaint(file, try list(names.reversed())))
    #expect(others.contains("has names of its own, and they are others; remove --names"))
  }

  @Test func whatCannotBeToldIsNamed() throws {
    let given = try list(names)
    let cube = try #require(complaint(try torch(TorchRowFiles.cube), given))
    #expect(cube.contains("has shape [3, 1, 2]; embeddings are [photos, dimension]"))
    let several = try #require(complaint(try torch(TorchRowFiles.several), given))
    #expect(several.contains("holds 'left', 'right', and nothing says which"))
    let fewer = try #require(complaint(try torch(TorchRowFiles.fewerNames)))
    #expect(fewer.contains("has 2 names in it for 3 embeddings"))
    let module = try #require(complaint(try torch(TorchFiles.module), given))
    #expect(module.contains("neither a tensor nor a list or a dictionary of tensors"))
    // Weights are still those of a state dict.
    let error = #expect(throws: InterchangeError.self) {
      try TensorFiles.open(torch(TorchRowFiles.bare))
    }
    #expect("\(error!)".contains("save model.state_dict()"))
  }

  @Test func vectorsByNameAreReadFromEveryFormOfTensors() throws {
    let tensors = names.enumerated().map { row, name in
      SafetensorsTensor(name: name, shape: [2], floats: Array(rows[2 * row..<2 * row + 2]))
    }
    try SafetensorsFile.write(tensors: tensors, checksums: false, to: folder + "/e.safetensors")
    #expect(complaint(folder + "/e.safetensors") == nil)
    try NumPyArchive.write(tensors.map { NumPyMember($0) }, to: folder + "/e.npz")
    #expect(complaint(folder + "/e.npz") == nil)
    let matrix = NumPyMember(SafetensorsTensor(name: "x", shape: [3, 2], floats: rows))
    try NumPyArchive.write([matrix], to: folder + "/e.npz")
    #expect(complaint(folder + "/e.npz", try list(names)) == nil)
    #expect(complaint(folder + "/e.npz")?.contains("has no names in it") == true)
  }

  @Test(arguments: [
    ["ann/1.jpg\tann", "ann/2.jpg\tann", "bob/1.jpg\tbob"],
    ["0\tann/1.jpg", "0\tann/2.jpg", "1\tbob/1.jpg"],
    ["ann/1.jpg,0", "ann/2.jpg,0", "bob/1.jpg,1"], ["ann/1.jpg 0", "ann/2.jpg 0", "bob/1.jpg 1"],
    ["sep=;", "ann/1.jpg", "ann/2.jpg", "bob/1.jpg"],
    ["SEP=;", "ann/1.jpg;0", "ann/2.jpg;0", "bob/1.jpg;1"],
    ["index,name", "0,ann/1.jpg", "1,ann/2.jpg", "2,bob/1.jpg"],
    [",path", "0,ann/1.jpg", "1,ann/2.jpg", "2,bob/1.jpg"],
    ["name", "ann/1.jpg", "ann/2.jpg", "bob/1.jpg"],
    ["ann/1.jpg", "", "ann/2.jpg", "bob/1.jpg", ""],
  ])
  func namesMayBeAColumnOfATable(lines: [String]) throws {
    try NumPyFile.write(rows, shape: [3, 2], to: folder + "/e.npy")
    #expect(complaint(folder + "/e.npy", try list(lines)) == nil)
  }

  @Test func namesMayHoldWhatPartsOtherColumns() throws {
    try NumPyFile.write([1, 2], shape: [2, 1], to: folder + "/e.npy")
    for names in [["a,b/1.jpg", "c,d/1.jpg"], ["a b/1.jpg", "c d/1.jpg"], ["Cole, B", "Doe, J"]] {
      let stored = try StoredEmbeddings(
        file: folder + "/e.npy", names: list(names), isQuiet: true)
      #expect(stored.names == names)
    }
    let unclear = ["ann/1\tann/2", "bob/1\tbob/2"]
    #expect {
      _ = try StoredEmbeddings(file: folder + "/e.npy", names: list(unclear), isQuiet: true)
    } throws: {
      "\($0)".contains("line 1: has 2 columns, and nothing says which holds the names")
    }
  }
}
