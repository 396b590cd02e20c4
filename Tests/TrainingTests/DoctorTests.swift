import Foundation
import Testing
import TestSupport
import Training

@Suite struct DoctorTests {
  private static func request() -> DoctorRequest {
    let configuration = SmallRun.configuration { $0.threads = 1 }
    var request = DoctorRequest(
      configuration: configuration, classes: 12, folder: NSTemporaryDirectory())
    request.largestSum = 1 << 13
    return request
  }

  @Test(arguments: [1, 3])
  func theReportIsWholeAndReadsBack(ranks: Int) throws {
    let texts = try ThreadCommunicator.run(size: ranks) { communicator in
      try Program.doctor(Self.request(), asJSON: true, over: communicator)
    }
    let spoken = texts.map { !$0.isEmpty }
    #expect(spoken == [true] + Array(repeating: false, count: ranks - 1))
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    let report = try decoder.decode(DoctorReport.self, from: Data(texts[0].joined().utf8))
    #expect(report.ranks.map(\.rank) == Array(0..<ranks))
    for rank in report.ranks {
      #expect(rank.productRate > 1e8 && rank.imageSeconds > 0 && rank.decodeRate > 0)
    }
    #expect(report.ranks[0].writeRate! > 0 && report.ranks[0].readRate! > 0)
    #expect(report.sums.map(\.values) == (ranks == 1 ? [] : [1 << 10, 1 << 13]))
    #expect(report.predictedImagesPerSecond > 0)
    #expect(report.prediction.efficiency > 0 && report.prediction.efficiency <= 1)
    // Threads of one process read one clock.
    #expect(report.clockSkewSeconds < 0.1)
    #expect(report.lines.contains { $0.hasPrefix("predicted: ") })
  }

  private static let model = ScalingModel(
    parameterCount: 40 << 20, imageSeconds: 0.1, updateSeconds: 0.05, valueSeconds: 0,
    bytesPerSecond: 1e9, messageSeconds: 1e-5, agreementSeconds: 1e-4)

  @Test func aStepOfOneRankComputesAndUpdates() {
    let alone = Self.model.predict(
      ScalingModel.Load(ranks: 1, threads: 4, imagesPerRank: 128, microbatch: 16))
    // 8 microbatches on 4 threads, two rounds of 16 images.
    #expect((alone.step - (2 * 1.6 + 0.05)).magnitude < 1e-9)
    #expect(alone.limit == "compute")
  }

  @Test func sumsCostTheirBytesAndMicrobatchesHideThem() {
    let load = ScalingModel.Load(ranks: 2, threads: 4, imagesPerRank: 128, microbatch: 16)
    var slow = Self.model
    slow.bytesPerSecond = 1e7
    let step = slow.predict(load)
    // Half of 40 Mi values there in 6 bytes and back in 4, 40 buckets of two messages.
    let sums = Double(20 << 20) * 10 / 1e7 + 80 * 1e-5 + 40 * 1e-4
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
    #expect(Self.model.table(ranks: [8, 64], load: load).lines.count == 3)
  }
}
