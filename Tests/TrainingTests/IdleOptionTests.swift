import Configuration
import Networks
import Testing

/// Options that would do nothing with the others, and values that no network takes.
@Suite struct IdleOptionTests {
  private func complaint(_ yaml: String) throws -> String {
    let error = #expect(throws: ConfigurationError.self) {
      try RunConfiguration.parse(yaml: yaml, path: "r.yaml")
    }
    return "\(try #require(error))"
  }

  @Test(arguments: [
    ("resize: 128\n", "resize does nothing without crop"),
    ("loss: cosface\nmargin-gradient: straight-through\n", "whose exact gradient it is"),
    ("loss: arcface\nmargin: 0\nmargin-variant: clamped\n", "does nothing with a margin of 0"),
    ("loss: arcface\nmargin: 0\nmargin-warmup-epochs: 1\n", "does nothing with a margin of 0"),
    ("augment: flip,flip\n", "flip is given twice"),
    ("augment: shift:0.1,shift:0.2\n", "shift is given twice"),
    ("pairs: [a.txt, a.txt]\n", "given twice"),
    ("loss: triplet\nmining: semi-hard@\n", "is not N steps"),
    ("loss: triplet\nmining: semi-hard,semi-hard@3\n", "follows on itself"),
    ("loss: teacher\n", "the distance to a teacher's embeddings alone; give teacher"),
    ("loss: teacher\nteacher: a.npy\nteacher-weight: 0\n", "loss teacher has nothing else"),
    ("teacher-weight: 3\n", "teacher-weight does nothing without teacher"),
    ("loss: triplet\nteacher: a.npy\ntriplet-reduction: sum\n", "a teacher's term does not"),
    ("loss: softmax\nsub-centres: 3\n", "sub-centres does nothing with loss softmax"),
    ("loss: triplet\nsub-centres: 3\n", "sub-centres does nothing with loss triplet"),
    ("sub-centres: 3\nlabel-smoothing: 0.1\n", "pulls at all centres"),
    ("sub-centres: 3\ninit: a.safetensors\nhead-start: centres\n", "give head-start drawn"),
    ("sub-centres: 17\n", "1 to 16"),
    ("dropout: 0.99999999999\n", "from 0 to below 1"),
    ("model: inception-resnet-v1\nimage-size: 74\n", "at least 75 pixels a side"),
  ])
  func isRefusedByName(yaml: String, reason: String) throws {
    let said = try complaint(yaml)
    #expect(said.contains(reason), "\(said)")
  }

  @Test func whatDoesSomethingIsTaken() throws {
    for yaml in [
      "resize: 128\ncrop: 112\n", "loss: arcface\nmargin-gradient: straight-through\n",
      "loss: arcface\nmargin: 0.3\nmargin-warmup-epochs: 1\n", "augment: flip,shift:0.1\n",
      "loss: triplet\nmining: semi-hard,hardest@3\n", "dropout: 0.999\n",
      "model: inception-resnet-v1\nimage-size: 75\n",
    ] {
      #expect(throws: Never.self) { try RunConfiguration.parse(yaml: yaml, path: "r.yaml") }
    }
  }

  /// The smallest images leave something of every window.
  @Test(arguments: Models.names)
  func everyModelTakesItsSmallestImage(name: String) throws {
    let model = try #require(Models.model(named: name))
    for side in model.smallestSide..<model.smallestSide + 4 {
      let network = model.network(
        image: MapShape(height: side, width: side + 1, channels: 3), maximumRows: 1,
        options: ModelOptions(embedding: 8, width: 0.125))
      #expect(network.embeddingCount == 8)
    }
  }
}
