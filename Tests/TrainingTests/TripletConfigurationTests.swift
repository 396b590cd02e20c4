import Configuration
import Datasets
import Losses
import Testing
import Training

@Suite struct TripletConfigurationTests {
  private func parse(_ yaml: String) throws -> RunConfiguration {
    try RunConfiguration.parse(yaml: yaml, path: "run.yaml")
  }

  private func complaint(_ yaml: String) -> String {
    do {
      return "no error: \(try parse(yaml))"
    } catch {
      return "\(error)"
    }
  }

  @Test func theLossBringsItsOwnDefaults() throws {
    let plain = try parse("loss: triplet")
    #expect(plain.margin == [0.2] && plain.scale == 1 && plain.mining == .always(.semiHard))
    #expect(plain.passes == 2 && plain.tripletReduction == .mean)
    #expect(plain.tripletBatch == (8, 8))
    #expect(try parse("loss: triplet\nbatch: 1800").tripletBatch == (45, 40))
    #expect(try parse("loss: triplet\nbatch: 100\nphotos-per-person: 20").tripletBatch == (5, 20))
    #expect(try parse("loss: triplet\nbatch: 100\npeople-per-batch: 5").tripletBatch == (5, 20))
  }

  @Test func everyValueIsReadAndWritten() throws {
    let all = try parse(
      """
      loss: triplet
      margin: 0.3
      batch: 240
      mining: random-semi-hard, semi-hard@500, hardest@2000, offline@3000
      people-per-batch: 6
      photos-per-person: 30
      triplet-reduction: sum
      passes: 1
      offline-every: 50
      offline-pool: 1000
      """)
    let harmonic = try parse("loss: triplet\ncompatible-with: runs/old")
    #expect(harmonic.compatibleWith == "runs/old" && all.compatibleWith == nil)
    #expect(try parse(harmonic.yamlText()) == harmonic)
    var moved = harmonic
    moved.compatibleWith = "elsewhere/old"
    #expect(moved.mathematicsDifferences(from: harmonic) == [])
    moved.compatibleWith = nil
    #expect(
      moved.mathematicsDifferences(from: harmonic)
        == ["compatible-with was a network, is none"])
    #expect(all.mining.stages.map(\.mode) == [.randomSemiHard, .semiHard, .hardest, .offline])
    #expect(all.mining.stages.map(\.start) == [.never, .steps(500), .steps(2000), .steps(3000)])
    #expect(all.tripletBatch == (6, 30) && all.tripletReduction == .sum && all.passes == 1)
    #expect(all.offlineEvery == 50 && all.offlinePool == 1000)
    #expect(try parse(all.yamlText()) == all)
    let epochs = try parse("loss: triplet\nmining: semi-hard,batch-hard@2e")
    #expect(epochs.mining.mode(after: 19, in: EpochCourse(count: 10, batch: 1)) == .semiHard)
    #expect(epochs.mining.mode(after: 20, in: EpochCourse(count: 10, batch: 1)) == .batchHard)
    #expect(try parse(epochs.yamlText()) == epochs)
  }

  @Test func otherLossesDoNotWriteThem() throws {
    #expect(!RunConfiguration.demo.yamlText().contains("mining"))
    #expect(try parse("loss: triplet").yamlText().contains("\nmining: semi-hard\n"))
  }

  @Test func passesMayChangeInAResumeAndMiningMayNot() throws {
    let one = try parse("loss: triplet\npasses: 1")
    let two = try parse("loss: triplet\nmining: all")
    #expect(one.mathematicsDifferences(from: two) == ["mining was all, is semi-hard"])
  }

  @Test(arguments: [
    ("mining: hardest", "run.yaml:1: mining does nothing with loss arcface"),
    ("passes: 1", "passes does nothing with a whole head"),
    ("loss: triplet\nscale: 30", "scale does nothing with loss triplet"),
    ("loss: triplet\nlr-head: 0.1", "lr-head does nothing with loss triplet"),
    ("loss: triplet\nmargin: 0", "the margin of loss triplet is 0"),
    ("loss: triplet\npasses: 3", "passes is 3"),
    ("loss: triplet\npeople-per-batch: 0", "people-per-batch is 0; give at least 1, or auto"),
    ("loss: triplet\nphotos-per-person: 1", "photos-per-person is 1"),
    (
      "loss: triplet\npeople-per-batch: 20\nphotos-per-person: 4",
      "20 people x 4 photos are more than a batch of 64"
    ),
    ("loss: triplet\nmining: semihard", "did you mean 'semi-hard'"),
    ("loss: triplet\nmining: hardest@5", "the first mining mode begins at once"),
    ("loss: triplet\nmining: all,hardest@9,semi-hard@3", "begin at rising steps"),
    ("loss: triplet\nmining: all,hardest@9,semi-hard@9e", "begin at rising steps"),
    ("loss: triplet\nmining: all,hardest", "begin at rising steps"),
    ("loss: triplet\noffline-every: 7", "offline-every does nothing without mining offline"),
    ("loss: triplet\nmining: offline\noffline-pool: 5", "offline-pool is 5"),
    (
      "loss: triplet\nmining: offline\ncompatible-with: runs/old",
      "offline mining knows the new network alone"
    ),
    ("compatible-with: runs/old", "compatible-with does nothing with loss arcface"),
    ("loss: triplet\nmargin-variant: easy", "margin-variant does nothing with loss triplet"),
  ])
  func whatDoesNotFitIsRefused(yaml: String, sentence: String) {
    let found = complaint(yaml)
    #expect(found.contains(sentence), "\(found)")
  }
}
