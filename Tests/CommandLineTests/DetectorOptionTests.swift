import Testing

@testable import ddp_train

/// `--detector` where photos are one face each.
@Suite struct DetectorOptionTests {
  private static let lines = [
    ["embed", "r", "--data", "d", "--out", "e.npy"], ["verify", "r", "a", "b"],
    ["identify", "r", "a", "--gallery", "g"], ["cluster", "r", "a"],
  ]

  /// What is said of `words`; empty where they are good.
  private func complaint(_ words: [String]) -> String {
    do {
      _ = try DDPTrain.parseAsRoot(words)
      return ""
    } catch {
      return DDPTrain.message(for: error)
    }
  }

  @Test(arguments: lines)
  func aDetectorTakesOneFaceOfAPhoto(line: [String]) throws {
    let detector = ["--detector", "y.onnx"]
    #expect(complaint(line + detector).isEmpty)
    #expect(complaint(line + detector + ["--faces", "centred", "--score", "0.5"]).isEmpty)
    #expect(complaint(line + detector + ["--faces", "all"]).contains("a photo is one face here"))
    #expect(complaint(line + detector + ["--score", "0"]).contains("is not above 0"))
    #expect(complaint(line + ["--faces", "largest"]).contains("--faces belongs to --detector"))
    #expect(complaint(line + ["--score", "0.5"]).contains("--score belongs to --detector"))
    #expect(
      complaint(line + detector + ["--landmarks", "l"]).contains("both say where faces are"))
  }

  @Test func storedEmbeddingsHaveNoFacesToFind() {
    let line = ["verify", "a", "b", "--embeddings", "e.npz", "--detector", "y.onnx"]
    #expect(complaint(line).contains("have no meaning beside --embeddings"))
  }

  @Test func theFlagsReachTheRequest() throws {
    let words = Self.lines[1] + ["--detector", "y.onnx", "--faces", "centred", "--score", "0.25"]
    let verify = try #require(try DDPTrain.parseAsRoot(words) as? Verify)
    let search = try #require(
      try verify.faces.resolve(
        verify.words, leaving: 2...2, called: "two photos"
      ).options.search)
    #expect(search.detector == "y.onnx" && search.faces == .centred && search.score == 0.25)
  }
}
