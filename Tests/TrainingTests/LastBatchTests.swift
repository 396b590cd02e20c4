import Checkpoints
import Configuration
import Datasets
import Foundation
import RunFolders
import RunSupport
import TestSupport
import Testing
import Training

/// The last batch of an epoch, which may be of one sample.
@Suite struct LastBatchTests {
  private func complaint(
    batch: Int, microbatch: Int, _ change: (inout RunConfiguration) -> Void = { _ in }
  ) -> String? {
    let configuration = SmallRun.configuration {
      $0.batch = batch
      $0.microbatch = microbatch
      $0.length = .epochs(1)
      change(&$0)
    }
    do {
      _ = try SmallRun.train(configuration)
      return nil
    } catch {
      return "\(error)"
    }
  }

  @Test func aLastBatchOfOneSaysTheSumAndTheRemedy() throws {
    let one = try #require(complaint(batch: 71, microbatch: 4))
    #expect(one.contains("72 = 71 + 1") && one.contains("give --drop-last"))
    #expect(complaint(batch: 71, microbatch: 4) { $0.dropsLast = true } == nil)
    let several = try #require(
      complaint(batch: 16, microbatch: 4) {
        $0.data = .synthetic(SyntheticData(people: 13, photos: 5, size: 32))
      })
    #expect(several.contains("65 = 4 x 16 + 1"), "\(several)")
    #expect(complaint(batch: 23, microbatch: 3) == nil)
  }

  @Test func aLastBatchThatNoStepReachesIsNoMatter() throws {
    #expect(complaint(batch: 71, microbatch: 4) { $0.length = .steps(1) } == nil)
    let reached = try #require(complaint(batch: 71, microbatch: 4) { $0.length = .steps(2) })
    #expect(reached.contains("--change drop-last=true"), "\(reached)")
  }

  /// Photos that have come to the data are the reason, not what is left of the last batch.
  @Test func ofOtherPhotosThePhotosAreTold() throws {
    try FlaggedRun.withFolder { folder in
      let photos = folder + "/photos"
      try SyntheticFaces(people: 12, photosPerPerson: 6, size: 32, seed: 1).writeFolder(to: photos)
      let small = FlaggedRun.small.merging([
        "data": photos, "batch": "8", "microbatch": "4", "steps": "4",
      ]) { $1 }
      try FlaggedRun.train(small, in: folder + "/run")
      let person = photos + "/person_0001"
      try FileManager.default.copyItem(
        atPath: person + "/person_0001_0001.jpg", toPath: person + "/zz.jpg")
      var message = ""
      do {
        try FlaggedRun.train(["resume": "auto", "steps": "40"], in: folder + "/run")
      } catch { message = "\(error)" }
      #expect(message.contains("does not hold the photos of the run that wrote it"), "\(message)")
    }
  }

  @Test func aTailThatIsCutIntoOneSaysHow() throws {
    let tail = try #require(
      complaint(batch: 62, microbatch: 2) {
        $0.data = .synthetic(SyntheticData(people: 13, photos: 5, size: 32))
      })
    #expect(tail.contains("65 = 62 + 3, and its microbatches are 3 = 2 + 1"), "\(tail)")
    #expect(tail.contains("those 3 samples"), "\(tail)")
    let whole = try #require(complaint(batch: 23, microbatch: 2))
    #expect(whole.contains("23 = 11 x 2 + 1") && !whole.contains("--drop-last"), "\(whole)")
  }

  @Test func whatDropLastCannotHelpIsSaidAsItIs() throws {
    for dropsLast in [false, true] {
      let alone = try #require(complaint(batch: 1, microbatch: 4) { $0.dropsLast = dropsLast })
      #expect(alone.contains("batch is 1") && !alone.contains("--drop-last"))
      let single = try #require(complaint(batch: 8, microbatch: 1) { $0.dropsLast = dropsLast })
      #expect(single.contains("microbatch is 1") && !single.contains("--drop-last"))
    }
  }

  @Test func dropLastGivesOneReceiptInEveryWorldAndIsKept() throws {
    let configuration = SmallRun.configuration {
      $0.dropsLast = true
      $0.length = .epochs(3)
    }
    let folder = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let alone = try SmallRun.train(configuration, folder: folder)[0]
    // 72 photos in whole batches of 21: three steps an epoch, not four.
    #expect(alone.records.count == 9 && alone.records.allSatisfy { $0.samples % 21 == 0 })
    for (ranks, threads) in [(1, 3), (2, 1), (3, 2)] {
      for outcome in try SmallRun.train(configuration, ranks: ranks, threads: threads) {
        #expect(outcome.weights == alone.weights)
      }
    }
    let checkpoint = try CheckpointStore.open(folder).checkpoint
    #expect(try checkpoint.configuration.dropsLast)
    #expect(checkpoint.configurationText.contains("\ndrop-last: true\n"))
    let yaml = try String(contentsOfFile: folder + "/config.yaml", encoding: .utf8)
    #expect(yaml.contains("\ndrop-last: true\n"))
    let report = try String(contentsOfFile: folder + "/report.html", encoding: .utf8)
    #expect(report.contains("of which each epoch leaves out 9"))
    // Another choice is another run.
    let other = SmallRun.configuration { $0.length = .epochs(4) }
    #expect(
      other.mathematicsDifferences(from: configuration) == ["drop-last was true, is false"])
  }

  @Test func aRunWithDropLastIsResumedToTheSameWeights() throws {
    let folder = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let configuration = SmallRun.configuration {
      $0.dropsLast = true
      $0.schedule = .constant
      $0.length = .steps(8)
      $0.checkpointEvery = .steps(1)
    }
    let whole = try SmallRun.train(configuration)[0]
    var half = configuration
    half.length = .steps(4)
    _ = try SmallRun.train(half, folder: folder)
    var rest = configuration
    rest.resume = .auto
    let resumed = try SmallRun.train(rest, ranks: 2, folder: folder)
    #expect(resumed.allSatisfy { $0.weights == whole.weights })
  }
}
