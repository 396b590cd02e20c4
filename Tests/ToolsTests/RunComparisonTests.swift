import Comparison
import Configuration
import Datasets
import Foundation
import Interchange
import RunSupport
import Testing
import TestSupport
import Training

/// `ddp-train compare`: where two runs part, and in what.
@Suite struct RunComparisonTests {
  private let folder = SmallRun.temporaryFolder()

  private func train(
    _ name: String, ranks: Int = 1, _ change: (inout RunConfiguration) -> Void = { _ in }
  ) throws -> String {
    let path = "\(folder)/\(name)"
    _ = try SmallRun.train(
      SmallRun.configuration {
        $0.length = .steps(4)
        $0.checkpointEvery = .steps(1)
        $0.keep = 10
        change(&$0)
      }, ranks: ranks, folder: path, speaks: true)
    return path
  }

  private func compare(_ first: String, _ second: String) throws -> (text: String, isAlike: Bool) {
    let (lines, isAlike) = try CompareRequest(first: first, second: second).run()
    return (lines.joined(separator: "\n"), isAlike)
  }

  @Test func worldsAreAlike() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let found = try compare(try train("one"), try train("two", ranks: 2))
    #expect(found.isAlike && found.text.hasPrefix("alike in all 4 steps"), "\(found.text)")
  }

  @Test func anotherRateShowsInTheUpdateOfTheFirstStep() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let (one, other) = (try train("one"), try train("other") { $0.learningRate = 0.05 })
    let found = try compare(one, other)
    #expect(!found.isAlike)
    #expect(found.text.hasPrefix("first difference: step 1, after 0 steps that are alike"))
    #expect(!found.text.contains("  loss: ") && !found.text.contains("  gradient: "))
    #expect(found.text.contains("  weights: "))
    #expect(found.text.contains("tensors after step 1:"))
    #expect(found.text.contains(" elements, by up to "))
    #expect(found.text.contains("configuration: lr was 0.1, is 0.05"))
    #expect(found.text.contains("likely: the update differs"))
    let name = "checkpoints/step-000000001.safetensors"
    let files = try compare("\(one)/\(name)", "\(other)/\(name)")
    #expect(!files.isAlike && files.text.contains(" elements, by up to "))
    #expect(try compare("\(one)/\(name)", "\(one)/\(name)").isAlike)
  }

  @Test func otherFirstWeightsShowInTheLoss() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let found = try compare(try train("one"), try train("other") { $0.seed = 2 })
    #expect(found.text.contains("  loss: ") && found.text.contains("likely: forward differs"))
  }

  @Test func aSkippedStepIsNamed() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    // 2^52 spacings of 2^-70 end far below any gradient: the loss is the same, the step is skipped.
    let (one, other) = (try train("one"), folder + "/other")
    #expect(throws: (any Error).self) {
      _ = try train("other") { $0.gradientGrid = .exponent(-70) }
    }
    let found = try compare(one, other)
    #expect(!found.isAlike)
    #expect(found.text.hasPrefix("first difference: step 1,"), "\(found.text)")
    #expect(!found.text.contains("  loss: "))
    #expect(found.text.contains("  skipped: false | true"))
    #expect(found.text.contains("configuration: gradient-grid was "))
    #expect(found.text.contains("likely: one skipped the step"))
    #expect(try compare(other, one).text.contains("  skipped: true | false"))
  }

  /// The configuration names the same folder both times; its photos are others, one of them by name
  /// too. The fingerprint that a checkpoint keeps is of names and people.
  @Test func otherDataAreNamed() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let photos = folder + "/photos"
    func trained(_ name: String) throws -> String {
      try train(name) {
        $0.data = .folder(photos)
        $0.length = .steps(4)
      }
    }
    try SyntheticFaces(people: 12, photosPerPerson: 6, size: 32, seed: 1).writeFolder(to: photos)
    let one = try trained("one")
    #expect(try compare(one, trained("same")).isAlike)
    try FileManager.default.removeItem(atPath: photos)
    try SyntheticFaces(people: 12, photosPerPerson: 6, size: 32, seed: 2).writeFolder(to: photos)
    let person = try #require(
      FileManager.default.contentsOfDirectory(atPath: photos).sorted().first)
    let photo = try #require(
      FileManager.default.contentsOfDirectory(atPath: "\(photos)/\(person)").sorted().last)
    try FileManager.default.moveItem(
      atPath: "\(photos)/\(person)/\(photo)", toPath: "\(photos)/\(person)/zz.jpg")
    let found = try compare(one, trained("other"))
    #expect(!found.isAlike && found.text.hasPrefix("first difference: step 1,"))
    #expect(found.text.contains("  loss: ") && found.text.contains("likely: forward differs"))
    #expect(found.text.contains("what differs above comes first"), "\(found.text)")
    let reasons = found.text.split(separator: "\n")
    #expect(reasons.contains { $0.hasPrefix("data: other photos, people or landmarks (") })
    #expect(!reasons.contains { $0.hasPrefix("configuration: ") }, "\(found.text)")
  }

  /// Names and people are the same, and so is the fingerprint; the bytes are others. Without a
  /// checkpoint the log tells, and without that the verdict does not speak of photos as alike.
  @Test func otherBytesOfTheSameNamesAreNamed() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let photos = folder + "/photos"
    var runs: [String] = []
    for seed in 1...2 {
      try? FileManager.default.removeItem(atPath: photos)
      try SyntheticFaces(people: 12, photosPerPerson: 6, size: 32, seed: UInt64(seed))
        .writeFolder(to: photos)
      runs.append(try train("run\(seed)") { $0.data = .folder(photos) })
    }
    let reason = "data: other bytes of photos of the same names ("
    var found = try compare(runs[0], runs[1]).text
    #expect(found.contains("\n\(reason)") && !found.contains("may be at fault"), "\(found)")
    for run in runs { try FileManager.default.removeItem(atPath: run + "/checkpoints") }
    found = try compare(runs[0], runs[1]).text
    #expect(found.contains("\n\(reason)") && !found.contains("may be at fault"), "\(found)")
    for run in runs {
      let log = try String(contentsOfFile: run + "/log.txt", encoding: .utf8)
      try log.replacing(" photos: ", with: " images: ").write(
        toFile: run + "/log.txt", atomically: true, encoding: .utf8)
    }
    found = try compare(runs[0], runs[1]).text
    #expect(found.contains("of the photos they do not") && !found.contains("may be at fault"))
  }

  /// The runs part in step 2 by the length that the cosine ends with; what one changed at step 3
  /// cannot be why, nor the length that it has had since.
  @Test func whatChangedAfterTheDifferenceIsNoReason() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let options = ["schedule": "cosine", "warmup-epochs": "0", "checkpoint-every": "1"]
    func run(_ name: String, _ flags: [String: String], changes: [String] = []) throws {
      try FlaggedRun.train(flags, changes: changes, in: "\(folder)/\(name)")
    }
    let small = FlaggedRun.small.merging(options) { $1 }
    try run("straight", small.merging(["steps": "6"]) { $1 })
    try run("resumed", small.merging(["steps": "3"]) { $1 })
    try run("resumed", ["resume": "auto", "steps": "6"], changes: ["lr=0.01"])
    let found = try compare("\(folder)/straight", "\(folder)/resumed").text
    #expect(found.hasPrefix("first difference: step 2,"), "\(found)")
    #expect(found.contains("\nconfiguration: steps was 6, is 3\n"), "\(found)")
    #expect(!found.contains("lr was") && !found.contains("changes: "), "\(found)")
  }

  @Test func aDamagedCheckpointTakesNoMoreAwayThanItsTensors() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let (one, other) = (try train("one"), try train("other") { $0.learningRate = 0.05 })
    try Data("torn".utf8).write(
      to: URL(fileURLWithPath: other + "/checkpoints/step-000000001.safetensors"))
    let found = try compare(one, other).text
    #expect(found.contains("\n  weights: ") && found.contains("\ntensors: not compared: "))
    #expect(found.contains("\nconfiguration: lr was 0.1, is 0.05"), "\(found)")
  }

  /// Tensors of another shape, in one file alone and of other bytes are told apart; the
  /// ones that differ most come first.
  @Test func tensorsThatCannotBeHeldTogetherSayWhy() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    func write(_ name: String, _ tensors: [(String, [Float])]) throws -> String {
      try SafetensorsFile.write(
        tensors: tensors.map { name, values in
          SafetensorsTensor(name: name, type: .float32, shape: [values.count]) { lend in
            try values.withUnsafeBytes { try lend($0) }
          }
        }, metadata: [:], to: "\(folder)/\(name)")
      return "\(folder)/\(name)"
    }
    let one = try write(
      "one",
      [
        ("a", [1, 2]), ("b", [1, 1]), ("optimizer.m/a", [9]), ("mine", [1]), ("shaped", [1]),
        ("z", [1, 4]),
      ])
    let other = try write(
      "other",
      [
        ("a", [1, 2]), ("b", [2, 2]), ("optimizer.m/a", [1]), ("shaped", [1, 1]), ("yours", [2]),
        ("z", [3, 4]),
      ])
    let found = try compare(one, other).text
    #expect(
      found == """
        tensors: 3 differ, 1 are alike, 3 cannot be held together
          z: 1 of 2 elements, by up to 2.0
          b: 2 of 2 elements, by up to 1.0
          optimizer.m/a: 1 of 1 elements, by up to 8.0
          mine: in the first alone
          yours: in the second alone
          shaped: of another shape: F32 [1] | F32 [2]
        """)
  }

  /// What another machine would leave: other bits from step 3 on, and other lines in the log.
  @Test(arguments: ["processor", "program", ""])
  func anotherMachineIsNamed(line: String) throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let (one, other) = (try train("one"), folder + "/other")
    try FileManager.default.copyItem(atPath: one, toPath: other)
    let metrics = try String(contentsOfFile: other + "/metrics.jsonl", encoding: .utf8)
    let changed = metrics.split(separator: "\n").map { text in
      text.contains("\"step\":1,") || text.contains("\"step\":2,")
        ? String(text)
        : String(text).replacing("\"gradient_hash\":\"", with: "\"gradient_hash\":\"f")
    }
    #expect(changed.count { $0.contains("hash\":\"f") } >= 2)
    try (changed.joined(separator: "\n") + "\n").write(
      toFile: other + "/metrics.jsonl", atomically: true, encoding: .utf8)
    let log = try String(contentsOfFile: other + "/log.txt", encoding: .utf8)
    if !line.isEmpty {
      #expect(log.contains(" \(line): "))
      try log.replacing(" \(line): ", with: " \(line): another ").write(
        toFile: other + "/log.txt", atomically: true, encoding: .utf8)
    }
    let found = try compare(one, other)
    #expect(!found.isAlike)
    #expect(found.text.hasPrefix("first difference: step 3, after 2 steps that are alike"))
    #expect(found.text.contains("  gradient: ") && !found.text.contains("  loss: "))
    #expect(found.text.contains("likely: backward or the sum over ranks differs"))
    let reasons = ["processor", "program"].filter { name in
      found.text.split(separator: "\n").contains {
        $0.hasPrefix("\(name): ") && $0.contains(" | another ")
      }
    }
    #expect(reasons == (line.isEmpty ? [] : [line]), "\(found.text)")
    #expect(found.text.contains("memory or a processor may be at fault") == line.isEmpty)
  }

  @Test func anotherLengthOfASchedulesEndIsAReason() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let one = try train("one") { $0.schedule = .cosine }
    let longer = try train("longer") {
      $0.schedule = .cosine
      $0.length = .steps(8)
    }
    let found = try compare(one, longer)
    #expect(found.text.contains("configuration: steps was 4, is 8"), "\(found.text)")
    #expect(found.text.contains("what differs above comes first"))
  }

  @Test func theSameChangeAtAnotherStepIsAReason() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    func changed(_ name: String, at step: Int) throws -> String {
      let path = "\(folder)/\(name)"
      try FlaggedRun.train(
        FlaggedRun.small.merging(["steps": "6", "checkpoint-every": "1"]) { $1 }, in: path
      ) { hooks, _ in
        let stop = TestStop()
        hooks.stop = stop
        hooks.onStep = { if $1.step == step { stop.wantsEnd = true } }
      }
      try FlaggedRun.train(["resume": "auto"], changes: ["lr=0.01"], in: path)
      return path
    }
    let found = try compare(try changed("early", at: 2), try changed("late", at: 4))
    #expect(
      found.text.contains("\nconfiguration: lr was 0.01, is 0.1\n")
        && found.text.contains("\nchanges: from step 2: lr 0.01 (was 0.1) | none\n"),
      "\(found.text)")
    #expect(found.text.contains("what differs above comes first"))
  }

  @Test func otherFirstWeightsAreAReasonAndTheSameFromElsewhereAreNone() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let first = try train("first")
    try FileManager.default.copyItem(atPath: first, toPath: folder + "/copy")
    let second = try train("second") { $0.seed = 2 }
    let own = try train("own") { $0.initialWeights = first }
    let other = try train("other") { $0.initialWeights = second }
    let found = try compare(own, other)
    #expect(found.text.contains("\nfirst weights: "), "\(found.text)")
    #expect(found.text.contains("what differs above comes first"))
    let copied = try train("copied") { $0.initialWeights = folder + "/copy" }
    #expect(try compare(own, copied).isAlike)
    let elsewhere = try train("elsewhere") {
      $0.initialWeights = folder + "/copy"
      $0.learningRate = 0.05
    }
    #expect(try !compare(own, elsewhere).text.contains("first weights: "))
  }

  @Test func ranksAreAReasonWhereSumsAreRounded() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let found = try compare(
      try train("one") { $0.reduction = .bf16 },
      try train("two", ranks: 2) { $0.reduction = .bf16 })
    #expect(!found.isAlike)
    #expect(
      found.text.contains(
        "ranks under a --reduce that rounds: 1 rank from step 0 | 2 ranks from step 0"),
      "\(found.text)")
  }

  @Test func aFolderWithoutARunIsRefused() throws {
    #expect(throws: (any Error).self) { try compare(folder, folder) }
  }
}
