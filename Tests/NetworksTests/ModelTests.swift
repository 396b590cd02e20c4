import Networks
import Testing

@Suite struct ModelTests {
  struct Published {
    let name: String
    var imageSize = 112
    let parameters: Int
    var multiplyAdds: Int?
    var embedding = 512
  }

  /// Counts of the published definitions (insightface's iresnet.py, the AI-X notebook, CnA's
  /// model.py, torchvision's resnet.py, facenet-pytorch's inception_resnet_v1.py), obtained by
  /// running them. IResNet's definition holds the fixed scale of its last batch norm as 512
  /// parameters more, which never train.
  @Test(arguments: [
    Published(name: "iresnet18", parameters: 24_025_088, multiplyAdds: 2_609_954_816),
    Published(name: "iresnet34", parameters: 34_138_816, multiplyAdds: 4_459_642_880),
    Published(name: "iresnet50", parameters: 43_590_336, multiplyAdds: 6_309_330_944),
    Published(name: "iresnet100", parameters: 65_155_648, multiplyAdds: 12_089_606_144),
    Published(name: "mobilefacenet", parameters: 2_059_520, multiplyAdds: 437_520_896),
    Published(name: "aix-resnet18", parameters: 2_277_568, multiplyAdds: 1_002_147_840),
    Published(name: "aix-resnet34", parameters: 4_420_416, multiplyAdds: 1_724_682_240),
    Published(name: "aix-resnet50", parameters: 24_562_240, multiplyAdds: 4_126_720_000),
    Published(name: "resnet18", parameters: 11_689_512, embedding: 1000),
    Published(name: "resnet34", parameters: 21_797_672, embedding: 1000),
    Published(name: "resnet50", parameters: 25_557_032, embedding: 1000),
    Published(
      name: "inception-resnet-v1", imageSize: 160, parameters: 23_482_624,
      multiplyAdds: 1_417_662_304),
  ])
  func countsEqualThePublishedOnes(model: Published) throws {
    let network = try #require(
      Models.network(
        named: model.name, imageSize: model.imageSize, maximumRows: 2,
        options: ModelOptions(embedding: model.embedding)))
    #expect(network.parameterCount == model.parameters)
    if let expected = model.multiplyAdds { #expect(network.multiplyAdds == expected) }
    #expect(network.embeddingCount == model.embedding)
  }
}
