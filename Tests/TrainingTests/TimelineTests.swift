import Foundation
import Pace
import RunSupport
import Sessions
import Testing
import TestSupport
import Threads
import Timing
import Training

@Suite struct TimelineTests {
  private struct Event: Decodable {
    var name: String
    var ph: String
    var pid: Int
    var tid: Int
    var ts: Double?
    var dur: Double?
  }

  private struct Document: Decodable {
    var traceEvents: [Event]
  }

  @Test func spansOfAllRanksParseAndNest() throws {
    let folder = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = folder + "-timeline.json"
    defer { try? FileManager.default.removeItem(atPath: path) }
    _ = try SmallRun.train(
      SmallRun.configuration {
        $0.length = .steps(4)
        $0.timeline = path
        $0.shardsOptimizer = true
      }, ranks: 3, threads: 2, folder: folder)
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    let events = try JSONDecoder().decode(Document.self, from: data).traceEvents
    #expect(Set(events.map(\.pid)) == [0, 1, 2])
    let spans = events.filter { $0.ph == "X" }
    for (name, count) in [
      // 18 + 3 microbatches: three batches of 6 and the tail of 3.
      ("microbatch", 21), ("load", 21), ("forward", 21), ("head", 21), ("backward", 21),
      ("step", 12), ("update", 12), ("gather weights", 12), ("sum extras", 12),
    ] {
      #expect(spans.count { $0.name == name } == count, "\(name)")
    }
    for rank in 0..<3 {
      for lane in 0...2 {
        let own = spans.filter { $0.pid == rank && $0.tid == lane }
          .sorted { ($0.ts!, -$0.dur!) < ($1.ts!, -$1.dur!) }
        var open: [Event] = []
        for span in own {
          #expect(span.dur! >= 0 && span.ts! >= -0.1)
          while let last = open.last, last.ts! + last.dur! <= span.ts! + 0.05 { open.removeLast() }
          if let last = open.last {
            #expect(
              span.ts! + span.dur! <= last.ts! + last.dur! + 0.15,
              "\(span.name) leaves \(last.name) on lane \(lane) of rank \(rank)")
          }
          open.append(span)
        }
      }
    }
    // The inside of a microbatch.
    let inside = spans.filter { $0.name == "forward" }
    #expect(
      inside.allSatisfy { forward in
        spans.contains {
          $0.name == "microbatch" && $0.pid == forward.pid && $0.tid == forward.tid
            && $0.ts! <= forward.ts! && $0.ts! + $0.dur! >= forward.ts! + forward.dur! - 0.15
        }
      })
  }

  /// Stopped, torn as by a kill, and resumed: all parts are there, one behind the other in time.
  @Test(arguments: [false, true])
  func aResumedRunAddsToItsTimeline(isTorn: Bool) throws {
    try FlaggedRun.withFolder { folder in
      let path = folder + "-timeline.json"
      defer { try? FileManager.default.removeItem(atPath: path) }
      try FlaggedRun.train(
        FlaggedRun.small.merging(["timeline": path]) { $1 }, in: folder, ranks: 2
      ) { hooks, _ in
        let stop = TestStop()
        hooks.stop = stop
        hooks.onStep = { if $1.step == 5 { stop.wantsEnd = true } }
      }
      if isTorn {
        let file = try #require(FileHandle(forUpdatingAtPath: path))
        try file.truncate(atOffset: try file.seekToEnd() - 40)
        try file.close()
      }
      try FlaggedRun.train(["resume": "auto"], in: folder)
      let data = try Data(contentsOf: URL(fileURLWithPath: path))
      let spans = try JSONDecoder().decode(Document.self, from: data).traceEvents
        .filter { $0.ph == "X" && $0.name == "step" && $0.pid == 0 }
      #expect(spans.count == 12)
      for (one, next) in zip(spans, spans.dropFirst()) {
        #expect(one.ts! + one.dur! <= next.ts! + 0.2)
      }
    }
  }

  /// A new run does not add to what another has left.
  @Test func aNewRunBeginsItsTimelineAnew() throws {
    try FlaggedRun.withFolder { folder in
      let path = folder + "-timeline.json"
      defer { try? FileManager.default.removeItem(atPath: path) }
      for turn in 0..<2 {
        let flags = FlaggedRun.small.merging(["timeline": path, "steps": "3"]) { $1 }
        try FlaggedRun.train(flags, in: folder + "-\(turn)")
        try FileManager.default.removeItem(atPath: folder + "-\(turn)")
      }
      let data = try Data(contentsOf: URL(fileURLWithPath: path))
      let events = try JSONDecoder().decode(Document.self, from: data).traceEvents
      #expect(events.count { $0.ph == "X" && $0.name == "step" } == 3)
    }
  }

  @Test func clocksThatDifferAreAligned() throws {
    let shifts = [0, 12.5, -3.25]
    let found = try ThreadCommunicator.run(size: 3) { communicator in
      try ClockAlignment.measure(over: communicator) {
        Clock.seconds + shifts[communicator.rank]
      }
    }
    for alignment in found {
      #expect(alignment == found[0])
      for rank in 0..<3 {
        #expect(alignment.uncertainties[rank] < 0.5)
        #expect(
          (alignment.offsets[rank] - shifts[rank]).magnitude
            <= alignment.uncertainties[rank] + 1e-6)
      }
    }
  }
}

@Suite struct StragglerTests {
  private static func window(
    _ seconds: [RankSeconds], microbatches: [Int]
  ) -> [StragglerWatch.Finding]? {
    var watch = StragglerWatch()
    for step in 1...StragglerWatch.window {
      let found = watch.add(seconds, microbatches: microbatches)
      if step < StragglerWatch.window {
        #expect(found == nil)
      } else {
        return found?.findings
      }
    }
    return nil
  }

  @Test func theSlowRankIsNamedWithItsCause() {
    var seconds = Array(repeating: RankSeconds(decode: 0.1, compute: 1, peers: 0.5), count: 4)
    #expect(Self.window(seconds, microbatches: [4, 4, 4, 4]) == [])
    seconds[2] = RankSeconds(decode: 0.9, compute: 1)
    #expect(Self.window(seconds, microbatches: [4, 4, 4, 4])?.map(\.cause) == [.decode])
    #expect(Self.window(seconds, microbatches: [4, 4, 4, 4])?.map(\.rank) == [2])
    seconds[2] = RankSeconds(decode: 0.1, compute: 1.5)
    #expect(Self.window(seconds, microbatches: [4, 4, 4, 4])?.map(\.cause) == [.compute])
    seconds[2] = RankSeconds(decode: 0.1, compute: 1, other: 0.6)
    #expect(Self.window(seconds, microbatches: [4, 4, 4, 4])?.map(\.cause) == [.other])
  }

  @Test func aRankWithMoreMicrobatchesIsNotSlow() {
    let seconds = [RankSeconds(compute: 1.5, peers: 0), RankSeconds(compute: 1, peers: 0.5)]
    #expect(Self.window(seconds, microbatches: [3, 2]) == [])
    #expect(Self.window(seconds, microbatches: [2, 2])?.map(\.rank) == [0])
    #expect(Self.window([seconds[0]], microbatches: [3]) == nil)
  }
}

@Suite struct RankMapTests {
  private static func place(_ rank: Int, _ host: String, _ processors: String) -> RankMap.Place {
    RankMap.Place(
      rank: rank, host: host, threads: 2, processors: processors, numaNodes: "0")
  }

  @Test func ranksThatAreAlikeShareALine() throws {
    let map = RankMap(places: [
      Self.place(0, "n1", "0-3"), Self.place(1, "n1", "0-3"), Self.place(2, "n2", "0-1"),
      Self.place(3, "n2", "2-3"),
    ])
    #expect(
      map.lines == [
        "ranks 0-1 on n1: 2 threads each, processors 0-3, NUMA 0",
        "rank 2 on n2: 2 threads, processors 0-1, NUMA 0",
        "rank 3 on n2: 2 threads, processors 2-3, NUMA 0",
      ])
    let decoded = try JSONDecoder().decode([RankMap.Place].self, from: Data(map.json.utf8))
    #expect(decoded == map.places)
    let many = RankMap(places: (0..<100).map { Self.place($0, "n\($0)", "0") })
    #expect(many.lines.count == 16)
    #expect(many.lines.last == "... and 85 more lines in log.txt")
  }

  @Test func rangesOfNumbers() {
    #expect(RankMap.rangeText([0, 1, 2, 3, 8, 10, 11]) == "0-3,8,10-11")
    #expect(RankMap.numbers("0-3,8,10-11") == [0, 1, 2, 3, 8, 10, 11])
    #expect(RankMap.rangeText([]) == "")
  }
}
