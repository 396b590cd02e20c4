import Datasets
import Testing

/// Photos that are smaller than the crop.
@Suite struct EnlargedPhotosTests {
  private static func found(
    _ sizes: [(width: Int, height: Int)], resize: Int? = nil, crop: Int?
  ) throws -> EnlargedPhotos? {
    let files = sizes.map { Pictures.jpeg($0.width, $0.height) } + [[1, 2, 3]]
    let names = files.indices.map { "photo\($0).jpg" }
    return EnlargedPhotos(
      of: MemorySource(files, names: names), among: Array(files.indices),
      framing: try Framing(imageSize: 16, resize: resize, crop: crop))
  }

  @Test func theyAreCountedWithTheSmallestAsExample() throws {
    let found = try #require(
      try Self.found([(40, 60), (20, 60), (60, 18), (30, 30)], crop: 30))
    #expect((found.count, found.lookedAt) == (2, 4))
    #expect(
      found.sentence.hasPrefix(
        "--crop 30 is larger than 2 of 4 photos that were looked at, which are enlarged to it, such "
          + "as photo2.jpg (60 x 18)"))
  }

  @Test func photosThatAreLargeEnoughOrResizedAreNone() throws {
    #expect(try Self.found([(40, 60), (30, 30)], crop: 30) == nil)
    #expect(try Self.found([(8, 8)], resize: 40, crop: 30) == nil)
    #expect(try Self.found([(8, 8)], crop: nil) == nil)
  }
}
