import Assembly
import Collectives
import Configuration
import Datasets
import Division
import Engine
import Foundation
import Networks
import Preflight
import RunFolders
import RunSupport
import Scaling
import Sessions
import TestSupport
import Testing
import Training

/// What the model says of class weights against arithmetic by hand, and against runs.
@Suite struct HeadModelTests {
  /// A nanosecond, or another, of each part.
  private static let seconds = HeadModel.Seconds(
    whole: 5e-9, score: 1e-9, exponential: 0.5e-9, embeddingGradient: 2e-9, classGradient: 3e-9,
    classGradientAgain: 4e-9, update: 1e-9)

  private static func model(_ head: HeadModel) -> ScalingModel {
    ScalingModel(
      parameterCount: 1 << 20, computeSeconds: 0.01, decodeSeconds: 0.001, updateSeconds: 0.002,
      valueSeconds: 0,
      wire: Wire(bytesPerSecond: 1e9, messageSeconds: 1e-5, latencySeconds: 1e-4), head: head)
  }

  private static func expect(_ found: Double, _ expected: Double) {
    #expect((found / expected - 1).magnitude < 1e-9, "\(found), not \(expected)")
  }

  /// 2,048 classes are 16 tiles of 128, four for each of four threads.
  @Test func aDividedHeadOfOneRankByHand() {
    let head = HeadModel(classes: 2_048, width: 512, isDivided: true, seconds: Self.seconds)
    let step = Self.model(head).predict(
      ScalingModel.Load(ranks: 1, threads: 4, imagesPerRank: 64, microbatch: 16))
    // 64 faces at 512 classes of a thread, or 16 faces of a thread at all classes.
    let (byTile, byRow): (Double, Double) = (64 * 512 * 4e-9, 16 * 2_048 * 2.5e-9)
    Self.expect(step.head, byTile + byRow)
    #expect(step.waves == 0 && step.exchange == 0 && step.again == 0 && step.sums == 0)
    let update: Double = 0.002 + 2_048 * 512 * 1e-9
    Self.expect(step.update, update)
    Self.expect(step.compute, 0.16)
    // Eight microbatches for four threads are computed twice, forward and decoded.
    let twice = Self.model(head).predict(
      ScalingModel.Load(ranks: 1, threads: 4, imagesPerRank: 128, microbatch: 16))
    let second: Double = 32 * (0.001 + 0.01 / 3)
    Self.expect(twice.again, second)
    var kept = head
    kept.passes = 1
    let load = ScalingModel.Load(ranks: 1, threads: 4, imagesPerRank: 128, microbatch: 16)
    #expect(Self.model(kept).predict(load).again == 0)
    // Beyond the width, the products of all slabs but the last are made again.
    let large = ScalingModel.Load(ranks: 1, threads: 4, imagesPerRank: 768, microbatch: 192)
    let (again, last): (Double, Double) = (512 * 512 * 5e-9, 256 * 512 * 4e-9)
    let waves: Double = 768 * 512 * 2.5e-9
    Self.expect(Self.model(head).predict(large).head, again + last + waves)
  }

  /// Two ranks with 1,024 classes each: 96 faces go in pieces of 12, of which there are eight.
  @Test func wavesAreWhatRanksWaitForThoseBefore() {
    let head = HeadModel(classes: 2_048, width: 512, isDivided: true, seconds: Self.seconds)
    let load = ScalingModel.Load(ranks: 2, threads: 1, imagesPerRank: 48, microbatch: 48)
    let step = Self.model(head).predict(load)
    let work: Double = 96 * 1_024 * 6.5e-9
    Self.expect(step.head, work)
    // One round of each wave in which a rank has nothing; nine messages of 768 bytes and of 24 KiB.
    let idle: Double = 12 * 1_024 * 2.5e-9
    let messages: Double = 2 * 9 * 1.1e-4
    let bytes: Double = 9 * 12 * 2_112 * 1e-9
    Self.expect(step.waves, idle + messages + bytes)
    // Half of 96 x 2,048 bytes there and back, in messages over 64 KiB of three ways; agreements.
    let exchanged: Double = 96 * 2_096 * 1e-9
    let (agreements, sent, ways): (Double, Double, Double) = (8 * 2e-4, 5e-5, 11e-4)
    Self.expect(step.exchange, exchanged + agreements + sent + ways)
    // No gradient of the head is summed: 2^20 values of the network alone.
    let alone = ScalingModel(
      parameterCount: 1 << 20, computeSeconds: 0.01, decodeSeconds: 0.001, updateSeconds: 0.002,
      valueSeconds: 0,
      wire: Wire(bytesPerSecond: 1e9, messageSeconds: 1e-5, latencySeconds: 1e-4)
    ).predict(load)
    #expect(step.sums == alone.sums)
    let whole = Self.model(head).with(dividedHead: false).predict(load)
    #expect(whole.head == 0 && whole.sums > alone.sums)
    let compute: Double = 48 * (0.01 + 2_048 * 5e-9)
    Self.expect(whole.compute, compute)
  }

  @Test func sampledClassesAreAShareAndThoseOfTheBatch() {
    let head = HeadModel(
      classes: 100_000, width: 512, share: 0.1, isDivided: true, seconds: Self.seconds)
    let own = head.ownClasses(ranks: 4, batch: 1_000)
    // 782 blocks of 128 on four ranks; of 250 people of the batch nine tenths are not drawn.
    #expect(own.kept == 196 * 128)
    let taken: Double = 0.1 * 196 * 128 + 0.9 * 250
    Self.expect(own.taken, taken)
    // A tenth of 0.04 s is eight tenths of so many times 6.5 ns.
    #expect(head.samplingPaysFrom(networkSeconds: 0.04) == 769_231)
  }

  /// A batch that all ranks share: the busiest rank has whole microbatches.
  @Test func aSharedBatchHasAsManyWorkersAsMicrobatches() {
    var model = Self.model(
      HeadModel(classes: 2, width: 512, isDivided: false, seconds: Self.seconds))
    model.head = nil
    for (ranks, images) in [(1, 64), (8, 64), (32, 64)] {
      let load = ScalingModel.Load(
        ranks: ranks, threads: 8, imagesPerRank: 0, microbatch: 64, sharedBatch: 512)
      Self.expect(model.predict(load).compute, Double(images) * 0.01)
      #expect(load.batch == 512)
    }
  }

  private static func report(_ request: DoctorRequest) throws -> DoctorReport {
    let texts = try ThreadCommunicator.run(size: 2) { communicator in
      try request.answer(asJSON: true, over: communicator)
    }
    return try JSONDecoder().decode(DoctorReport.self, from: Data(texts[0].joined().utf8))
  }

  /// What `doctor` says of a divided head's own work, against the steps that then come.
  @Test func theHeadTakesWhatTheModelSays() throws {
    let configuration = SmallRun.configuration {
      $0.data = .synthetic(SyntheticData(people: 101_000, photos: 1, size: 32))
      $0.embedding = 64
      $0.batch = 64
      $0.microbatch = 16
      $0.head = .divided
      $0.threads = 1
      $0.length = .steps(6)
    }
    var request = DoctorRequest(configuration: configuration, folder: NSTemporaryDirectory())
    request.spanSeconds = 0.3
    request.largestSum = 1 << 13
    request.photos = 101_000
    var report = try Self.report(request)
    var ratios: [Double] = []
    // A machine that does other things may slow either down by chance.
    while ratios.count < 3, !ratios.contains(where: (0.5..<2).contains) {
      if !ratios.isEmpty { report = try Self.report(request) }
      let records = try SmallRun.train(configuration, ranks: 2)[0].records
      let measured = try #require(records.map { $0.seconds[.head] }.min())
      ratios.append(try #require(report.head).divided.head / measured)
    }
    let isNear = ratios.contains(where: (0.5..<2).contains)
    #expect(isNear, "predicted over measured: \(ratios)")
    let head = try #require(report.head)
    #expect(head.isDivided && head.classes == 101_000)
    // 101,000 photos in steps of 64.
    let hours = try #require(report.hours)
    Self.expect(hours, 6 * report.prediction.step / 3600)
    let lines = report.lines.filter { $0.hasPrefix("head") || $0.hasPrefix("sampling: ") }
    #expect(lines.count == 3 && lines[1].hasSuffix("the job's is divided"))
  }

  /// The choice of each rank for `configuration`, and what is said of it.
  private static func choices(
    _ configuration: RunConfiguration, people: Int, ranks: Int
  ) throws -> [(choice: HeadChoice, memory: EngineMemory, lines: [String])] {
    try ThreadCommunicator.run(size: ranks) { communicator in
      let session = try Session.start(
        communicator: communicator, threads: configuration.threads,
        console: Console(isSpeaker: false, isQuiet: true, isLaunched: false),
        launch: LaunchEnvironment(variables: [:]))
      defer { session.pool.end() }
      let choice = try HeadChoice.agree(configuration, classes: people, session: session)
      var factory = ModelFactory(configuration, classCount: people)
      factory.divideHead(choice.isDivided, configuration)
      return (
        choice,
        factory.memory(
          configuration, rank: communicator.rank, ranks: ranks, threads: session.threads),
        choice.lines(configuration, factory, in: session)
      )
    }
  }

  /// The memory of another world is what a run there reckons with, and its dry run says.
  @Test func memoryOfOtherWorldsIsThatOfTheirRuns() throws {
    let base = SmallRun.configuration {
      $0.data = .synthetic(SyntheticData(people: 300, photos: 1, size: 16))
      $0.embedding = 512
      $0.head = .divided
      $0.threads = 2
      $0.dryRun = true
    }
    var request = DoctorRequest(configuration: base, folder: NSTemporaryDirectory())
    request.spanSeconds = 0.1
    request.prediction = ScalingRequest(
      ranks: [2, 3], imagesPerRank: [], threads: nil,
      networks: [
        .init(
          name: "any", wire: Wire(bytesPerSecond: 1e9, messageSeconds: 1e-5, latencySeconds: 1e-5))
      ])
    request.prediction?.sharesBatch = true
    let text = try request.answer(asJSON: true, over: SoloCommunicator()).joined()
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    let rows = try decoder.decode(DoctorReport.self, from: Data(text.utf8)).headPredictions
    #expect(rows.map(\.ranks) == [2, 3] && rows.allSatisfy { $0.batch == 21 && $0.isDivided })
    for row in rows {
      for isDivided in [true, false] {
        var configuration = base
        configuration.head = isDivided ? .divided : .whole
        let (_, memory, lines) = try Self.choices(
          configuration, people: 300, ranks: row.ranks)[0]
        let (bytes, mebibytes) = (
          memory.rankBytes + 2 * memory.workerBytes, memory.rankBytes >> 20
        )
        #expect(bytes == (isDivided ? row.dividedBytes : row.wholeBytes))
        let name = isDivided ? "divided" : "whole"
        let line = try #require(lines.first { $0.hasPrefix("a \(name) head: ") })
        let sent = isDivided ? row.dividedSentBytes : row.wholeSentBytes
        #expect(
          line.hasPrefix(
            "a \(name) head: a rank sends \(Console.fixed(1e-6 * sent, 1)) MB of it in a step, and "
              + "needs \(mebibytes) MiB + "), "\(line)")
      }
    }
  }

  /// Many people for few faces are divided; few are not, nor is a head whose network would have to
  /// be computed twice for it.
  @Test func autoTakesWhatTheModelCallsFaster() throws {
    func choice(
      people: Int, ranks: Int, _ change: (inout RunConfiguration) -> Void = { _ in }
    ) throws -> HeadChoice {
      let configuration = SmallRun.configuration {
        $0.model = Models.model(named: "iresnet50")!
        $0.width = 1
        $0.imageSize = 112
        $0.embedding = 512
        $0.head = .auto
        $0.threads = 2
        $0.batch = 64
        $0.microbatch = 8
        change(&$0)
      }
      let choices = try Self.choices(configuration, people: people, ranks: ranks).map(\.choice)
      #expect(choices.allSatisfy { $0 == choices[0] })
      return choices[0]
    }
    let many = try choice(people: 50_000, ranks: 4)
    #expect(many.isDivided && many.sentence?.hasPrefix("head: divided, as a step of") == true)
    // Eight microbatches on each of two threads.
    let twice = try choice(people: 1_000, ranks: 4) { $0.batch = 256 }
    #expect(!twice.isDivided && twice.sentence?.hasPrefix("head: whole, as a step of") == true)
    guard case .model(let divided, let whole) = twice.reason else {
      Issue.record("\(twice.reason)")
      return
    }
    #expect(divided > 1.2 * whole)
    let alone = try choice(people: 50_000, ranks: 1)
    #expect(!alone.isDivided && alone.sentence == nil)
    for head in [HeadPlacement.whole, .divided] {
      let asked = try choice(people: 1_000, ranks: 2) { $0.head = head }
      #expect(asked.isDivided == (head == .divided) && asked.reason == .asked)
    }
  }

  /// Weights of fifty million people are hundreds of gigabytes.
  @Test func autoDividesWhatNoHostCouldHold() throws {
    let configuration = SmallRun.configuration {
      $0.embedding = 512
      $0.head = .auto
      $0.threads = 1
    }
    let choices = try Self.choices(configuration, people: 50_000_000, ranks: 2).map(\.choice)
    for choice in choices {
      #expect(choice.isDivided)
      guard case .memory(let bytes) = choice.reason else {
        Issue.record("\(choice.reason)")
        return
      }
      // Weights, momentum, and the doubles of their sums.
      #expect(bytes > 50_000_000 * 512 * 16)
    }
  }
}
