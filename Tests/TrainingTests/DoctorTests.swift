import Assembly
import Configuration
import Foundation
import Networks
import Preflight
import RunSupport
import Scaling
import Testing
import TestSupport
import Threads
import Training

@Suite struct DoctorTests {
  private static func request(
    _ change: (inout RunConfiguration) -> Void = { _ in }
  ) -> DoctorRequest {
    let configuration = SmallRun.configuration {
      $0.threads = 1
      change(&$0)
    }
    var request = DoctorRequest(configuration: configuration, folder: NSTemporaryDirectory())
    request.largestSum = 1 << 13
    request.spanSeconds = 0.1
    return request
  }

  private static func report(_ request: DoctorRequest, ranks: Int) throws -> DoctorReport {
    let texts = try ThreadCommunicator.run(size: ranks) { communicator in
      try request.answer(asJSON: true, over: communicator)
    }
    let spoken = texts.map { !$0.isEmpty }
    #expect(spoken == [true] + Array(repeating: false, count: ranks - 1))
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return try decoder.decode(DoctorReport.self, from: Data(texts[0].joined().utf8))
  }

  /// What the job would stop at is told before anything is measured.
  @Test func partsAndFilesThatAreNotThereAreNamed() throws {
    let wrong: [((inout RunConfiguration) -> Void, String)] = [
      ({ $0.freeze = [PartPattern("nope")] }, "nope"),
      ({ $0.initialWeights = "/nowhere/run" }, "--init /nowhere/run: there is no such file"),
      ({ $0.pairs = ["/nowhere/pairs.txt"] }, "--pairs /nowhere/pairs.txt: there is no such file"),
    ]
    for (change, text) in wrong {
      let error = #expect(throws: (any Error).self) {
        try Self.report(Self.request(change), ranks: 1)
      }
      #expect("\(error!)".contains(text), "\(error!)")
    }
  }

  /// That of one rank, which classifies, and how long it took.
  private static let alone: (report: DoctorReport, seconds: Double) = {
    let start = Clock.seconds
    let report = try! Self.report(request(), ranks: 1)
    return (report, Clock.seconds - start)
  }()

  /// More floating-point operations or bytes a second than any thread or disk: two units of 16
  /// lanes multiply and add 0.5e12 times at 8 GHz.
  private static let ceiling = 1e12

  /// What is measured lies between what the doctor's own duration leaves and what no machine can.
  @Test(arguments: [1, 3])
  func theReportIsWholeAndReadsBack(ranks: Int) throws {
    let request = Self.request()
    let start = Clock.seconds
    let report = ranks == 1 ? Self.alone.report : try Self.report(request, ranks: ranks)
    let duration = ranks == 1 ? Self.alone.seconds : Clock.seconds - start
    #expect(report.ranks.map(\.rank) == Array(0..<ranks))
    // A multiply-add is two operations, and backward has two products for each of forward.
    let network = request.configuration.makeNetwork()
    let imageOperations = 6 * Double(network.multiplyAdds)
    for rank in report.ranks {
      // At least one product of 512 x 512 x 512, and three steps of microbatches of 3.
      #expect((2 * 0x1p27 / duration..<Self.ceiling).contains(rank.productRate))
      #expect((imageOperations / Self.ceiling..<duration / 9).contains(rank.imageSeconds))
      #expect((0..<duration / 3).contains(rank.updateSeconds))
      // At least a photo, of 3 x 32 x 32 numbers.
      #expect((1 / duration..<Self.ceiling / 3072).contains(rank.decodeRate))
      #expect((1 / duration..<Self.ceiling).contains(rank.photoReadRate))
    }
    // 64 MiB either way.
    for rate in [report.ranks[0].writeRate, report.ranks[0].readRate] {
      #expect((0x1p26 / duration..<Self.ceiling).contains(try #require(rate)))
    }
    // Of each value its 6 bytes go to the rank that sums it, and 4 to either peer back; the first
    // rank sums the first of three parts, whose lengths are multiples of 16.
    let sent = report.sums.map { ($0.bytesPerSecond * $0.seconds).rounded() }
    #expect(report.sums.map(\.values) == (ranks == 1 ? [] : [1 << 10, 1 << 13]))
    let each: [Double] = [6 * 672 + 4 * 2 * 352, 6 * (8192 - 2736) + 4 * 2 * 2736]
    #expect(sent == (ranks == 1 ? [] : each))
    // Threads of one process read one clock.
    #expect(report.clockSkewSeconds < 0.1)
    expectPrediction(report, imagesPerRank: Double(21 / ranks))
    #expect(report.lines.contains { $0.hasPrefix("predicted: ") })
    var starved = report
    starved.prediction.read = 0
    #expect(!starved.findings.contains { $0.contains("storage is the limit") })
    starved.prediction.read = 1
    #expect(starved.findings.contains { $0.contains("storage is the limit") })
  }

  /// The step of the report is that of the slowest ranks' figures, times the images of a rank: of
  /// one rank by hand, of more by the model that is held to figures by hand below, with the wire
  /// that the sums of the report mean.
  private func expectPrediction(_ report: DoctorReport, imagesPerRank: Double) {
    let (found, ranks) = (report.prediction, report.ranks)
    let compute = imagesPerRank * ranks.map(\.imageSeconds).max()!
    let decode = imagesPerRank / ranks.map(\.decodeRate).min()!
    let reading = imagesPerRank / ranks.map(\.photoReadRate).min()!
    let update = ranks.map(\.updateSeconds).max()!
    #expect((found.compute / compute - 1).magnitude < 1e-9)
    #expect((found.decode / decode - 1).magnitude < 1e-9)
    #expect(found.update == update)
    var step = compute + decode + update
    if ranks.count == 1 {
      #expect([found.sums, found.hidden, found.latency] == [0, 0, 0])
    } else {
      let wire = WireFit.fit(
        report.sums, latencySeconds: report.latencySeconds, ranks: ranks.count)
      let model = ScalingModel(
        parameterCount: report.parameterCount, computeSeconds: compute / imagesPerRank,
        decodeSeconds: decode / imagesPerRank, updateSeconds: update, valueSeconds: 0, wire: wire)
      let expected = model.predict(
        ScalingModel.Load(
          ranks: ranks.count, threads: 1, imagesPerRank: Int(imagesPerRank),
          microbatch: report.microbatch))
      step = expected.step
      #expect(expected.sums > 0 && (found.sums / expected.sums - 1).magnitude < 1e-9)
      #expect((found.hidden - expected.hidden).magnitude < 1e-9 * step)
      #expect((found.latency / expected.latency - 1).magnitude < 1e-9)
    }
    // What the reader needs beyond the rest.
    step = max(step, reading)
    #expect((report.predictedImagesPerSecond / (21 / step) - 1).magnitude < 1e-9)
    #expect((found.efficiency / (compute / step) - 1).magnitude < 1e-9)
  }

  /// How often training begins a microbatch, whose photos it loads then, is how often the doctor
  /// takes decoding for.
  @Test(arguments: [1, 2])
  func tripletsAreMeasuredPassByPass(passes: Int) throws {
    let begun = SharedCounter()
    let trained = try SmallRun.train(
      LawsOfTriplets.configuration(mining: .always(.all), steps: 1) { $0.passes = passes },
      hook: { hooks, _ in
        hooks.onEvent = { if case .microbatchBegins = $0 { _ = begun.next() } }
      })[0].records[0]
    #expect(trained.triplets?.activeMicrobatches == 6)
    let report = try Self.report(
      Self.request {
        $0.loss = .triplet
        $0.margin = [0.2]
        $0.passes = passes
      }, ranks: 1)
    // No head, so no parameters but the network's.
    let classified = Self.alone.report
    #expect(classified.parameterCount - report.parameterCount == 12 * 32)
    let loads = report.fitted.decodeSeconds * report.ranks[0].decodeRate
    #expect((loads - Double(begun.value) / 6).magnitude < 1e-9)
    let classifiedLoads = classified.fitted.decodeSeconds * classified.ranks[0].decodeRate
    #expect((classifiedLoads - 1).magnitude < 1e-9)
  }

  /// A network that embeds every sample takes its time of every image that a step loads.
  @Test func aTeacherOfEveryStepIsMeasured() throws {
    let folder = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    _ = try SmallRun.train(SmallRun.configuration { $0.length = .steps(1) }, folder: folder)
    let request = Self.request { $0.teacher = folder }
    let start = Clock.seconds
    let report = try Self.report(request, ranks: 1)
    let duration = Clock.seconds - start
    let rank = report.ranks[0]
    let seconds = try #require(rank.teacherSeconds)
    // Four rounds of microbatches of 3, forward alone.
    let operations = 2 * Double(request.configuration.makeNetwork().multiplyAdds)
    #expect((operations / Self.ceiling..<duration / 12).contains(seconds))
    let sum = rank.networkSeconds + seconds
    #expect((report.fitted.computeSeconds / sum - 1).magnitude < 1e-9)
    #expect(report.lines.contains { $0.hasPrefix("teacher: ") })
    #expect(Self.alone.report.ranks[0].teacherSeconds == nil)
    #expect(!Self.alone.report.lines.contains { $0.hasPrefix("teacher: ") })
  }

  @Test func everyWorldThatIsAskedForIsPredicted() throws {
    var request = Self.request()
    request.prediction = ScalingRequest(
      ranks: [1, 8, 64], imagesPerRank: [16, 64], threads: 4,
      networks: [
        .init(
          name: "fast", wire: Wire(bytesPerSecond: 1e9, messageSeconds: 1e-5, latencySeconds: 1e-5)),
        .init(
          name: "slow", wire: Wire(bytesPerSecond: 1e6, messageSeconds: 1e-5, latencySeconds: 1e-3)),
      ])
    let report = try Self.report(request, ranks: 1)
    let designs = ScalingModel.Design.all.count
    #expect(report.predictions.count == 2 * 2 * 3 * designs)
    let first = report.predictions[0]
    #expect(first.network == "fast" && first.imagesPerRank == 16 && first.ranks == 1)
    // 16 images in 4 microbatches, one for each thread, and nobody to sum with.
    let fitted = report.fitted
    let head = try #require(fitted.head)
    #expect(head.classes == 12 && head.width == 32 && !head.isDivided)
    let image = fitted.computeSeconds + 12 * head.seconds.whole
    let update = fitted.updateSeconds + 12 * 32 * head.seconds.update
    let alone = 4 * (image + fitted.decodeSeconds) + update
    #expect((first.prediction.step - first.prediction.read - alone).magnitude < 1e-9 * alone)
    let last = try #require(report.predictions.last)
    #expect(last.network == "slow" && last.imagesPerRank == 64 && last.ranks == 64)
    #expect(last.design == "bf16")
    // 16 microbatches of 4 images on 4 threads.
    #expect((last.prediction.compute / (16 * image) - 1).magnitude < 1e-9)
    #expect((last.prediction.decode / (16 * fitted.decodeSeconds) - 1).magnitude < 1e-9)
    #expect((last.prediction.update / update - 1).magnitude < 1e-9)
    // One bucket, of which a rank sends 63/64 in 2 bytes and its own part in 2 to 63 peers: an
    // agreement of 2 x 6 ways, 126 messages, a way there and one back; each value is packed and
    // added. The last bucket, here the only one, hides behind nothing.
    let count = Double(report.parameterCount)
    #expect(count < 0x1p20)
    let sums =
      count * 63 / 64 * 4 / 1e6 + 12e-3 + 126e-5 + 2e-3 + 2 * count * report.valueSeconds
    #expect((last.prediction.sums / sums - 1).magnitude < 1e-9)
    #expect(last.prediction.hidden == 0)
    // Three more agreements, and some 100 kB of other sums, there and back.
    let latency: Double = 3 * 12e-3 + 2 * (40 * 64 + 100_000) / 1e6
    #expect((last.prediction.latency / latency - 1).magnitude < 1e-9)
    let own = ScalingModel.Load(
      ranks: 1, threads: 1, imagesPerRank: 21, microbatch: report.microbatch)
    let lines = request.prediction!.lines(of: report, load: own)
    let paragraphs: [Int] = [2, 1, 12, 1, 4, 2, 1, 12]
    #expect(lines.count == paragraphs.reduce(0, +))
    #expect(report.headPredictions.count == 12)
  }

  private static let model = ScalingModel(
    parameterCount: 40 << 20, computeSeconds: 0.1, decodeSeconds: 0.005, updateSeconds: 0.05,
    valueSeconds: 0, wire: Wire(bytesPerSecond: 1e9, messageSeconds: 1e-5, latencySeconds: 1e-4))

  @Test func aStepOfOneRankLoadsComputesAndUpdates() {
    let alone = Self.model.predict(
      ScalingModel.Load(ranks: 1, threads: 4, imagesPerRank: 128, microbatch: 16))
    // 8 microbatches on 4 threads, two rounds of 16 images.
    #expect((alone.step - (2 * 16 * 0.105 + 0.05)).magnitude < 1e-9)
    #expect(alone.limit == "compute")
  }

  @Test func sumsCostTheirBytesAndMicrobatchesHideThem() {
    let load = ScalingModel.Load(ranks: 2, threads: 4, imagesPerRank: 128, microbatch: 16)
    var slow = Self.model
    slow.wire.bytesPerSecond = 1e7
    let step = slow.predict(load)
    // Half of 40 Mi values there in 6 bytes and back in 4, 40 buckets of two messages, of three
    // ways each, and two ways for the agreement.
    let sums = Double(20 << 20) * 10 / 1e7 + 80 * 1e-5 + 40 * 8 * 1e-4
    #expect((step.sums - sums).magnitude < 1e-9)
    #expect((step.hidden - 1.6 * 2 / 3).magnitude < 1e-9)
    #expect(step.limit == "sums")
    let half = slow.predict(load, ScalingModel.Design(.bf16))
    #expect((half.sums - (sums - Double(20 << 20) * 6 / 1e7)).magnitude < 1e-9)
    // Nothing but the last of 40 buckets is left on a fast wire.
    let fast = Self.model.predict(load)
    #expect((fast.sums - fast.hidden - fast.sums / 40).magnitude < 1e-9)
    let sharded = slow.predict(load, ScalingModel.Design(.exact, isSharded: true))
    #expect((sharded.sums + sharded.update - step.sums - step.update).magnitude < 0.1)
    #expect(sharded.hidden == step.hidden)
  }

  @Test func partsGoToAllPeersAtOnceThereAndBack() {
    var model = Self.model
    model.wire.bytesPerSecond = 1e8
    let load = ScalingModel.Load(ranks: 8, threads: 4, imagesPerRank: 128, microbatch: 16)
    // 7/8 of 40 Mi values there in 6 bytes and back in 4; 40 buckets of seven messages either way,
    // of three ways there and back each, and six for the agreement.
    let bytes = Double(35 << 20) * 10 / 1e8
    let exact = model.predict(load)
    #expect((exact.sums - bytes - 40 * (14 * 1e-5 + 12 * 1e-4)).magnitude < 1e-9)
    // Weights come back in one piece: an agreement, seven messages, three ways.
    let sharded = model.predict(load, ScalingModel.Design(.exact, isSharded: true))
    let gathered = Double(35 << 20) * 4 / 1e8 + 6 * 1e-4 + 7 * 1e-5 + 3 * 1e-4
    #expect((sharded.update - 0.05 / 8 - gathered).magnitude < 1e-9)
  }

  @Test func aReaderThatCannotKeepUpIsTheLimit() {
    let load = ScalingModel.Load(ranks: 1, threads: 4, imagesPerRank: 128, microbatch: 16)
    var model = Self.model
    model.readSeconds = 0.02
    #expect(model.predict(load).read == 0)
    model.readSeconds = 0.1
    let slow = model.predict(load)
    #expect((slow.step - 12.8).magnitude < 1e-9 && slow.limit == "read")
  }

  /// Sums of 1,024 and of 4 Mi values by hand, on a wire of 50 MB/s, 20 us a message, 1 ms a way.
  @Test(arguments: [(2, 2.0, 1), (4, 4.0, 3), (8, 6.0, 7)])
  func aFitFindsTheWireThatSumsWereMadeWith(ranks: Int, agreementWays: Double, peers: Int) {
    let (rate, message, way) = (5e7, 2e-5, 1e-3)
    let share = Double(peers) / Double(ranks)
    func sum(_ values: Int, buckets: Double, waysOfBucket: Double) -> DoctorReport.Sum {
      let bytes = 10 * Double(values) * share
      let seconds =
        bytes / rate
        + buckets * ((agreementWays + waysOfBucket) * way + 2 * Double(peers) * message)
      return DoctorReport.Sum(values: values, seconds: seconds, bytesPerSecond: bytes / seconds)
    }
    // A short message takes one way there and one back, those of a bucket ask before they are sent.
    let found = WireFit.fit(
      [sum(1 << 10, buckets: 1, waysOfBucket: 2), sum(4 << 20, buckets: 4, waysOfBucket: 6)],
      latencySeconds: way, ranks: ranks)
    // The bytes of the shortest sum count as messages.
    let messages = message + 10 * 1024 * share / rate / Double(2 * peers)
    #expect((found.messageSeconds / messages - 1).magnitude < 1e-9)
    // And so four times as long a time as those bytes take is missing from the long sum's.
    let long = 10 * Double(4 << 20) * share
    let expected = long / (long / rate - 4 * 10 * 1024 * share / rate)
    #expect((found.bytesPerSecond / expected - 1).magnitude < 1e-9)
    #expect((expected / rate - 1).magnitude < 0.001)
    #expect(found.latencySeconds == way)
  }

  /// Whole numbers: of 10 ms four ways of agreeing and two of sending leave 4 ms to 6 messages.
  @Test func aFitByHand() {
    let found = WireFit.fit(
      [
        DoctorReport.Sum(values: 1 << 10, seconds: 0.01, bytesPerSecond: 768_000),
        // 10 bytes of three quarters of 4 Mi values in a second.
        DoctorReport.Sum(values: 4 << 20, seconds: 1, bytesPerSecond: 31_457_280),
      ], latencySeconds: 1e-3, ranks: 4)
    #expect((found.messageSeconds - 0.004 / 6).magnitude < 1e-12)
    // Four buckets of 4 + 4 + 6 ms leave 0.944 s to the bytes.
    #expect((found.bytesPerSecond - 31_457_280 / 0.944).magnitude < 1e-3)
  }

  @Test func efficiencyFallsWithRanksAndTheLimitIsWhereItDoes() {
    let load = ScalingModel.Load(ranks: 1, threads: 4, imagesPerRank: 64, microbatch: 16)
    var last = 1.0
    for ranks in [2, 8, 64, 512, 4096] {
      var many = load
      many.ranks = ranks
      let efficiency = Self.model.predict(many).efficiency
      #expect(efficiency < last)
      last = efficiency
    }
    let limit = Self.model.limit(of: ScalingModel.Design(.exact), load: load, share: 0.8)!
    var many = load
    many.ranks = limit
    #expect(Self.model.predict(many).efficiency >= 0.8)
    many.ranks = 2 * limit
    #expect(Self.model.predict(many).efficiency < 0.8)
  }
}
