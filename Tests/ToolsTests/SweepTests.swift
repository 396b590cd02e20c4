import Checkpoints
import Collectives
import Configuration
import Datasets
import Foundation
import Measuring
import RunSupport
import Sweeps
import TestSupport
import Testing
import Training

/// The experiments of `ddp-train sweep`, small.
@Suite struct SweepTests {
  fileprivate static func answer(
    _ request: SweepRequest, over communicator: any Communicator
  ) throws -> [String] {
    try request.answer(over: communicator) { try TrainingJob.run($0, in: $1) == .finished } ?? []
  }

  /// A run of a few steps, and photos and videos that it has not seen.
  private final class Subject {
    let folder = SmallRun.temporaryFolder()
    var run: String { folder + "/run" }
    var photos: String { folder + "/photos" }
    var videos: String { folder + "/videos" }

    init() throws {
      _ = try SmallRun.train(SweepTests.configuration(), folder: run)
      try SyntheticFaces(people: 8, photosPerPerson: 4, size: 48, seed: 7).writeFolder(to: photos)
      let index = try FaceFolder(root: photos).index
      for (number, photo) in index.photos.enumerated() {
        let video = "\(videos)/\(index.people[photo.person])/\(number % 4 / 2)"
        try FileManager.default.createDirectory(
          atPath: video, withIntermediateDirectories: true)
        try FileManager.default.copyItem(
          atPath: photos + "/" + photo.path, toPath: "\(video)/\(number % 2).jpg")
      }
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    func request(_ kind: SweepKind, _ change: (inout SweepRequest) -> Void = { _ in })
      -> SweepRequest
    {
      var evaluation = EvaluateRequest(source: .checkpoint(run), quiet: true)
      evaluation.data = .folder(kind == .videoFrames ? videos : photos)
      evaluation.threads = 1
      var request = SweepRequest(kind, evaluation)
      change(&request)
      return request
    }

    /// The rows of the CSV by their labels, without the titles, on so many ranks.
    func rows(_ request: SweepRequest, ranks: Int = 1) throws -> [(
      label: String, figures: [String]
    )] {
      var request = request
      request.csv = "\(folder)/table-\(UUID().uuidString).csv"
      let final = request
      let lines =
        ranks == 1
        ? [try SweepTests.answer(final, over: SoloCommunicator())]
        : try ThreadCommunicator.run(size: ranks) { try SweepTests.answer(final, over: $0) }
      #expect(lines[1...].allSatisfy { $0.isEmpty })
      let text = try String(contentsOfFile: request.csv!, encoding: .utf8)
      let rows = text.split(separator: "\n").map {
        $0.split(separator: ",").map(String.init)
      }
      // Titles above and the note below are the same in number as a row of titles and one more.
      #expect(lines[0].count == rows.count + 1)
      return rows.dropFirst().map { ($0[0], Array($0.dropFirst())) }
    }
  }

  private static func configuration(
    _ change: (inout RunConfiguration) -> Void = { _ in }
  ) -> RunConfiguration {
    SmallRun.configuration {
      $0.length = .steps(4)
      $0.batch = 12
      $0.split = .peopleRandom(fraction: 0.67)
      $0.schedule = .constant
      change(&$0)
    }
  }

  @Test func whatATrainedNetworkIsGiven() throws {
    let subject = try Subject()
    let bits = try subject.rows(subject.request(.quantization))
    #expect(
      bits.map(\.label)
        == ["128 (float)", "32 (8 bits)", "16 (4 bits)", "8 (2 bits)", "4 (1 bit)"])
    #expect(bits[4].figures != bits[0].figures)
    let plain = bits[0].figures
    #expect(plain.count == 16)

    // What changes nothing scores the same, on any ranks.
    let qualities = try subject.rows(
      subject.request(.jpegQuality) { $0.values = [5, 90] }, ranks: 3)
    #expect(qualities.map(\.label) == ["5", "90", "as it is"])
    #expect(qualities[2].figures == plain)
    #expect(qualities[0].figures != plain)
    let sizes = try subject.rows(subject.request(.imageSize) { $0.evaluation.threads = 2 })
    // 40, 80, 120, 160 and 220 of 220 pixels of an input of 32.
    #expect(sizes.map(\.label) == ["25", "121", "289", "529", "1024"])
    #expect(sizes[4].figures == plain && sizes[0].figures != plain)
    let crops = try subject.rows(subject.request(.crop) { $0.values = [20, 48] })
    #expect(
      crops.map(\.label)
        == ["fixed centre crop of 20", "fixed centre crop of 48", "whole photo"])
    #expect(crops[2].figures == plain && crops[1].figures == plain)
    #expect(crops[0].figures != plain)
    for (kind, value) in [(SweepKind.quantization, 9.0), (.imageSize, 33), (.jpegQuality, 0.5)] {
      let request = subject.request(kind) { $0.values = [value] }
      #expect(throws: (any Error).self) { try subject.rows(request) }
    }
  }

  @Test func twoNetworksAgainstEachOther() throws {
    let subject = try Subject()
    let plain = try subject.rows(subject.request(.quantization))[0].figures
    let same = try subject.rows(subject.request(.compatibility) { $0.other = subject.run })
    #expect(same.map(\.label) == ["old to old", "new to old", "new to new"])
    #expect(same.allSatisfy { $0.figures == plain })
    let other = subject.folder + "/other"
    _ = try SmallRun.train(Self.configuration { $0.seed = 5 }, folder: other)
    let mixed = try subject.rows(
      subject.request(.compatibility) { $0.other = other }, ranks: 2)
    #expect(mixed[0].figures == plain)
    // Networks of two seeds have nothing in common: their distances tell nothing.
    #expect(mixed[1].figures != plain && mixed[2].figures != plain)
    let narrow = subject.folder + "/narrow"
    _ = try SmallRun.train(Self.configuration { $0.embedding = 16 }, folder: narrow)
    #expect(throws: (any Error).self) {
      try subject.rows(subject.request(.compatibility) { $0.other = narrow })
    }
  }

  @Test func videosByTheirFirstFrames() throws {
    let subject = try Subject()
    let rows = try subject.rows(
      subject.request(.videoFrames) { $0.values = [1, 2, 100] }, ranks: 2)
    #expect(rows.map(\.label) == ["1", "2", "100"])
    // No video has more than two frames.
    #expect(rows[1].figures == rows[2].figures && rows[0].figures != rows[1].figures)
    // 8 people with two videos: one pair each of the same.
    let people = try FaceFolder(root: subject.photos).people
    let list = subject.folder + "/splits.csv"
    let lines = (0..<8).flatMap { person -> [String] in
      let other = people[(person + 1) % 8]
      return [
        "\(person % 4 + 1), \(people[person])/0, \(people[person])/1, 1",
        "\(person % 4 + 1), \(people[person])/0, \(other)/1, 0",
      ]
    }
    try (["split, first, second, is same"] + lines).joined(separator: "\n")
      .write(toFile: list, atomically: true, encoding: .utf8)
    let given = try subject.rows(
      subject.request(.videoFrames) {
        $0.values = [2]
        $0.evaluation.pairs = [list]
      })
    #expect(given[0].figures.last == "16")
    try "1, \(people[0])/0, nobody/0, 1\n".write(
      toFile: list, atomically: true, encoding: .utf8)
    #expect(throws: (any Error).self) {
      try subject.rows(subject.request(.videoFrames) { $0.evaluation.pairs = [list] })
    }
  }

  @Test func aSweepLooksAtAllItsRunsBeforeTheFirst() throws {
    let folder = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    func complaint(_ values: [Double], steps: Int) -> String {
      var request = SweepRequest(
        .embeddingDimension, EvaluateRequest(source: .checkpoint(""), quiet: true))
      request.evaluation.threads = 1
      request.values = values
      request.training = Self.configuration {
        $0.quiet = true
        $0.length = .steps(steps)
        $0.out = folder
      }
      do {
        _ = try Self.answer(request, over: SoloCommunicator())
        return ""
      } catch {
        return "\(error)"
      }
    }
    #expect(complaint([16, 1], steps: 4).contains("a size of embeddings is whole"))
    #expect(!FileManager.default.fileExists(atPath: folder + "/embedding-16"))
    #expect(complaint([32], steps: 4) == "")
    // Of another length, what is there already would be half of another course.
    let longer = complaint([16, 32], steps: 6)
    #expect(longer.contains("embedding-32 holds a run of another course: steps was 4, is 6"))
    #expect(!FileManager.default.fileExists(atPath: folder + "/embedding-16"))
  }

  @Test func networksOfSeveralSizesAndOfParts() throws {
    let subject = try Subject()
    func request(_ kind: SweepKind, _ values: [Double]) -> SweepRequest {
      var request = SweepRequest(
        kind, EvaluateRequest(source: .checkpoint(""), quiet: true))
      request.evaluation.threads = 1
      request.values = values
      request.training = Self.configuration {
        $0.quiet = true
        $0.out = subject.folder + "/sweep"
      }
      return request
    }
    let sizes = try subject.rows(request(.embeddingDimension, [16, 32]), ranks: 2)
    #expect(sizes.map(\.label) == ["16", "32"])
    #expect(sizes[0].figures != sizes[1].figures)
    let made = try Checkpoint(
      path: subject.folder + "/sweep/embedding-32/checkpoints/step-000000004.safetensors")
    #expect(made.configurationText.contains("embedding: 32"))
    // What is there is scored again, not trained again, with the same figures in another world.
    let again = try subject.rows(request(.embeddingDimension, [32, 16]))
    #expect(again.map(\.figures) == [sizes[1].figures, sizes[0].figures])
    // 8 of 12 people of 6 photos train; all of them are the run of 32 numbers.
    let parts = try subject.rows(request(.trainingSize, [0.5, 1]))
    #expect(parts.map(\.label) == ["24", "48"])
    #expect(parts[1].figures == sizes[1].figures)
    #expect(parts[0].figures != parts[1].figures)
  }
}
