import CheckpointParts
import Checkpoints
import Configuration
import Datasets
import Engine
import Foundation
import Losses
import Planning
import RunSupport
import State
import Testing
import TestSupport
import Training

/// Class weights that people who were trained before bring along (`--head-start trained`).
@Suite struct HeadStartTests {
  private static let dimension = 32

  private static func configuration(
    people: Int, _ change: (inout RunConfiguration) -> Void = { _ in }
  ) -> RunConfiguration {
    SmallRun.configuration {
      $0.data = .synthetic(SyntheticData(people: people, photos: 6, size: 32))
      $0.schedule = .constant
      $0.length = .steps(3)
      change(&$0)
    }
  }

  private static func softmax(_ configuration: inout RunConfiguration) {
    configuration.loss = .softmax
    configuration.margin = []
    configuration.scale = 1
    // So that biases are not what they start as.
    configuration.learningRate = 0.5
  }

  private static func inFolder<Result>(_ body: (String) throws -> Result) rethrows -> Result {
    let folder = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return try body(folder)
  }

  private final class First: @unchecked Sendable {
    var head: [Float] = []

    func take(_ trainer: Trainer) {
      let (state, range) = (trainer.engine.state, trainer.engine.replica.headRange)
      head = Array(
        UnsafeBufferPointer(start: state.parameters + range.lowerBound, count: range.count))
    }
  }

  /// The head before the first step, on one rank.
  private static func head(of configuration: RunConfiguration) throws -> [Float] {
    let first = First()
    _ = try SmallRun.train(
      configuration,
      hook: { hooks, _ in
        hooks.onStart = { first.take($0) }
      })
    return first.head
  }

  private func length(_ row: ArraySlice<Float>) -> Double {
    row.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
  }

  @Test(arguments: ["arcface", "softmax"])
  func whoIsKnownKeepsItsRowAndNewPeopleStartFromTheirMean(loss: String) throws {
    try Self.inFolder { old in
      func chosen(_ configuration: inout RunConfiguration) {
        if loss == "softmax" { Self.softmax(&configuration) }
      }
      _ = try SmallRun.train(Self.configuration(people: 12, chosen), folder: old)
      func run(_ start: HeadStart) -> RunConfiguration {
        Self.configuration(people: 16) {
          chosen(&$0)
          $0.initialWeights = old
          $0.headStart = start
        }
      }
      let width = Self.dimension
      let (head, centres) = (
        try Self.head(of: run(.trained)), try Self.head(of: run(.centres))
      )
      let checkpoint = try CheckpointStore.open(old).checkpoint
      let trained = try #require(try checkpoint.classWeights())
      #expect(Array(head[..<(12 * width)]) == trained)
      let lengths = (0..<12).map { length(trained[$0 * width..<($0 + 1) * width]) }
      let mean = lengths.reduce(0, +) / 12
      #expect(abs(mean - 1) > 0.1, "a length of 1 would show nothing")
      for row in 12..<16 {
        let (own, centre) = (
          head[row * width..<(row + 1) * width], centres[row * width..<(row + 1) * width]
        )
        for (a, b) in zip(own, centre) { #expect(abs(Double(a) - mean * Double(b)) < 1e-5 * mean) }
      }
      let biases = Array(head[(16 * width)...])
      #expect(try checkpoint.classBiases().map { Array(biases[..<12]) == $0 } ?? biases.isEmpty)
      #expect(biases.dropFirst(12) == centres[(16 * width)...].dropFirst(12), "as they are drawn")
      #expect(loss == "arcface" || biases.contains { $0 != 0 })
    }
  }

  /// Classes in three blocks, so that three ranks have some.
  private static func wide(
    people: Int, _ change: (inout RunConfiguration) -> Void
  ) -> RunConfiguration {
    configuration(people: people) {
      $0.data = .synthetic(SyntheticData(people: people, photos: 2, size: 32))
      $0.embedding = 512
      $0.batch = 40
      softmax(&$0)
      change(&$0)
    }
  }

  @Test(arguments: [HeadPlacement.whole, .divided])
  func everyWorldStartsAlike(head: HeadPlacement) throws {
    try Self.inFolder { old in
      _ = try SmallRun.train(
        Self.wide(people: 200) { $0.head = head }, ranks: 2, folder: old)
      var configuration = Self.wide(people: 300) {
        $0.initialWeights = old
        $0.headStart = .trained
      }
      let alone = try SmallRun.train(configuration)[0]
      configuration.head = head
      for ranks in [2, 3] {
        for outcome in try SmallRun.train(configuration, ranks: ranks, threads: 2) {
          #expect(outcome.weights == alone.weights, "\(head), \(ranks) ranks")
        }
      }
    }
  }

  @Test func theLogSaysWhoStartsHow() throws {
    try Self.inFolder { folder in
      _ = try SmallRun.train(Self.configuration(people: 12), folder: folder + "/old")
      _ = try SmallRun.train(
        Self.configuration(people: 16) {
          $0.initialWeights = folder + "/old"
          $0.headStart = .trained
        }, folder: folder + "/new", speaks: true)
      let lines = try FlaggedRun.log(folder + "/new").filter { $0.hasPrefix("head: ") }
      #expect(lines.count == 1)
      #expect(
        lines.first?.hasPrefix(
          "head: 12 of 16 classes start as they were trained, 4 from the mean embedding of 24 "
            + "photos, in ") ?? false, "\(lines)")
    }
  }

  @Test func aHeadOfNobodyIsRefused() throws {
    try Self.inFolder { old in
      _ = try SmallRun.train(
        Self.configuration(people: 12) {
          $0.loss = .triplet
          $0.margin = [0.2]
          $0.scale = 1
        }, folder: old)
      let error = #expect(throws: TrainingFailure.self) {
        try SmallRun.train(
          Self.configuration(people: 16) {
            $0.initialWeights = old
            $0.headStart = .trained
          })
      }
      #expect(
        "\(try #require(error))".hasSuffix(
          "has class weights of nobody in synthetic:people=16,photos=6,size=32, by name; give "
            + "--head-start centres"), "\(String(describing: error))")
    }
  }

  /// A row that lies in another file than the checkpoint's own is wanted here, by `centres` not.
  @Test func aPartOfTheHeadThatIsMissingIsNamed() throws {
    try Self.inFolder { folder in
      _ = try SmallRun.train(
        Self.wide(people: 200) { $0.head = .divided }, ranks: 2, folder: folder + "/old")
      let file = folder + "/old/checkpoints/step-000000003.safetensors"
      let copy = folder + "/alone.safetensors"
      try FileManager.default.copyItem(atPath: file, toPath: copy)
      func run(_ start: HeadStart) throws {
        _ = try SmallRun.train(
          Self.wide(people: 200) {
            $0.initialWeights = copy
            $0.headStart = start
            $0.length = .steps(1)
          })
      }
      let error = #expect(throws: CheckpointError.self) { try run(.trained) }
      #expect("\(try #require(error))".contains("lacks "))
      try run(.centres)
    }
  }
}
