import Measuring
import Testing

/// `--quality FILE` whose lines say two things of a photo, or do not say which photo they mean.
@Suite struct QualityFileTests {
  private let measured: MeasuredRows
  private var folder: String { measured.folder }
  private var photos: [String] { measured.photos }

  init() throws { measured = try MeasuredRows() }

  /// What is wrong with the lines of qualities; nil where nothing is.
  private func complaint(_ lines: [String]) throws -> String? {
    try measured.write("quality.csv", ["name,quality"] + lines)
    return measured.complaint { $0.quality = folder + "/quality.csv" }
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
