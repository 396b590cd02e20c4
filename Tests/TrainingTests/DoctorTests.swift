import Configuration
import Foundation
import Preflight
import Testing
import TestSupport
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

  @Test(arguments: [1, 3])
  func theReportIsWholeAndReadsBack(ranks: Int) throws {
    let report = try Self.report(Self.request(), ranks: ranks)
    #expect(report.ranks.map(\.rank) == Array(0..<ranks))
    for rank in report.ranks {
      #expect(rank.productRate > 1e8 && rank.imageSeconds > 0 && rank.decodeRate > 0)
      #expect(rank.photoReadRate > 0)
    }
    var starved = report
    starved.prediction.read = 1
    #expect(starved.findings.contains { $0.contains("storage is the limit") })
    #expect(report.ranks[0].writeRate! > 0 && report.ranks[0].readRate! > 0)
    #expect(report.sums.map(\.values) == (ranks == 1 ? [] : [1 << 10, 1 << 13]))
    #expect(report.predictedImagesPerSecond > 0)
    #expect(report.prediction.efficiency > 0 && report.prediction.efficiency <= 1)
    // Threads of one process read one clock.
    #expect(report.clockSkewSeconds < 0.1)
    #expect(report.lines.contains { $0.hasPrefix("predicted: ") })
  }

  @Test(arguments: [1, 2])
  func tripletsAreMeasuredPassByPass(passes: Int) throws {
    let report = try Self.report(
      Self.request {
        $0.loss = .triplet
        $0.margin = [0.2]
        $0.passes = passes
      }, ranks: 1)
    #expect(report.ranks[0].imageSeconds > 0)
    // No head, so no parameters but the network's, and photos are decoded in every pass.
    let classified = try Self.report(Self.request(), ranks: 1)
    #expect(report.parameterCount < classified.parameterCount)
    let decode = report.fitted.decodeSeconds * report.ranks[0].decodeRate
    #expect((decode - Double(passes)).magnitude < 1e-9)
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
    let last = report.predictions.last!
    #expect(last.network == "slow" && last.imagesPerRank == 64 && last.ranks == 64)
    // The same rows by the model itself.
    var model = report.fitted
    model.wire = Wire(bytesPerSecond: 1e6, messageSeconds: 1e-5, latencySeconds: 1e-3)
    model.valueSeconds = report.valueSeconds
    let load = ScalingModel.Load(
      ranks: 64, threads: 4, imagesPerRank: 64, microbatch: report.microbatch)
    let expected = model.predict(load, ScalingModel.Design.all[designs - 1])
    #expect(last.prediction.step == expected.step)
    let lines = request.prediction!.lines(of: report, load: load)
    #expect(lines.count == 2 + 1 + 12 + 1 + 4)
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

  @Test func aFitFindsTheWireThatSumsWereMadeWith() {
    let wire = Wire(bytesPerSecond: 5e7, messageSeconds: 2e-5, latencySeconds: 1e-3)
    for ranks in [2, 4, 8] {
      let sums = [1 << 10, 4 << 20].map { (values: Int) -> DoctorReport.Sum in
        let model = ScalingModel(
          parameterCount: values, computeSeconds: 0, decodeSeconds: 0, updateSeconds: 0,
          valueSeconds: 0, wire: wire)
        let load = ScalingModel.Load(ranks: ranks, threads: 1, imagesPerRank: 1, microbatch: 1)
        let seconds = model.predict(load).sums
        let bytes = Double(10 * values * (ranks - 1)) / Double(ranks)
        return DoctorReport.Sum(
          values: values, seconds: seconds, bytesPerSecond: bytes / seconds)
      }
      let found = WireFit.fit(sums, latencySeconds: wire.latencySeconds, ranks: ranks)
      #expect((found.bytesPerSecond / wire.bytesPerSecond - 1).magnitude < 0.01)
      // The shortest sum's few bytes count as messages.
      #expect((0.9..<5).contains(found.messageSeconds / wire.messageSeconds))
    }
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
