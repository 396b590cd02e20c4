import Cards
import Checkpoints
import Configuration
import Datasets
import Foundation
import Interchange
import Interop
import RunFolders
import RunSupport
import TestSupport
import Testing
import Training

/// Whom the first weights of a run were trained on: carried on in its checkpoints, and compared
/// with whom it measures.
@Suite struct EarlierPeopleTests {
  private static func train(
    _ name: String, in folder: String, seed: Int, ranks: Int = 1, _ change: [String: String] = [:]
  ) throws -> String {
    let flags = FlaggedRun.small.merging([
      "split": "people-random:0.5", "split-seed": "\(seed)", "steps": "4", "evaluate-every": "4",
      "schedule": "constant",
    ]) { $1 }.merging(change) { $1 }
    try FlaggedRun.train(flags, in: "\(folder)/\(name)", ranks: ranks)
    return "\(folder)/\(name)"
  }

  private static func people(_ run: String) throws -> TrainedPeople {
    try #require(try FlaggedRun.newest(run).trainedPeople())
  }

  private static func overlaps(_ run: String) throws -> [String] {
    try FlaggedRun.log(run).filter { $0.contains("people overlap: ") }
  }

  private static func card(_ run: String) throws -> String {
    var request = CardRequest(checkpoint: run)
    request.out = run + "/card.md"
    try request.run()
    return try TextFile.lines(of: run + "/card.md").joined(separator: "\n")
  }

  @Test func peopleOfTheFirstWeightsAreNoStrangers() throws {
    try FlaggedRun.withFolder { folder in
      let one = try Self.train("one", in: folder, seed: 1)
      #expect(try Self.overlaps(one).isEmpty)
      #expect(try Self.people(one).earlier.isEmpty)
      let first = try Self.people(one).all.names
      #expect(first.count == 6)
      // On two ranks, of which one alone reads the first weights.
      let two = try Self.train("two", in: folder, seed: 7, ranks: 2, ["init": one])
      let own = try Self.people(two)
      #expect(own.earlier == EarlierPeople(names: first))
      let held = Set((1...12).map { String(format: "person_%04d", $0) })
        .subtracting(zip(own.names, own.trains).filter(\.1).map(\.0))
      let known = held.intersection(first).count
      #expect(known > 0 && known < 6)
      #expect(
        try Self.overlaps(two) == [
          "warning: people overlap: \(known) of the 6 people measured were trained on, \(known) of "
            + "them before this run, by its first weights"
        ])
      #expect(try Self.card(two).contains("- people overlap: \(known) of the 6 people measured"))
      // Through several runs, and a resume after the first of them is gone.
      let three = try Self.train("three", in: folder, seed: 3, ["init": two])
      #expect(try Self.people(three).earlier.names == first.union(own.all.names))
      for path in [one, two] { try FileManager.default.removeItem(atPath: path) }
      try FlaggedRun.train(["steps": "6", "resume": "auto"], in: three)
      #expect(try FlaggedRun.newest(three).progress.step == 6)
      #expect(try Self.people(three).earlier.names == first.union(own.all.names))
      #expect(try Self.overlaps(three).count == 2)
    }
  }

  @Test func peopleOfImportedWeightsAreUnknown() throws {
    try FlaggedRun.withFolder { folder in
      let one = try Self.train("one", in: folder, seed: 1)
      let weights = folder + "/r18.safetensors"
      _ = try ExportRequest(checkpoint: one, format: .safetensors, out: weights).run()
      let imported = folder + "/imported.safetensors"
      _ = try ImportRequest(file: weights, out: imported, options: [], channels: nil).run()
      let two = try Self.train("two", in: folder, seed: 7, ["init": imported])
      #expect(try Self.people(two).earlier == EarlierPeople(unknown: ["r18.safetensors"]))
      let line = "people overlap: 0 of the 6 people measured were trained on; whom its first "
      #expect(
        try Self.overlaps(two) == [
          "warning: \(line)weights were trained on is not known: r18.safetensors names nobody"
        ])
      let card = try Self.card(two)
      #expect(card.contains("- Its first weights come from `r18.safetensors`, and whom these were"))
      #expect(!card.contains("No person who was measured"))
      let three = try Self.train("three", in: folder, seed: 3, ["init": two])
      #expect(try Self.people(three).earlier.unknown == ["r18.safetensors"])
      #expect(try Self.card(three).contains("- Its first weights come from `r18.safetensors`"))
    }
  }

  /// As an earlier version wrote it: its people and nothing of those before them.
  @Test func checkpointsOfEarlierVersionsThatWereFineTunedSayThatNobodyKnows() throws {
    try FlaggedRun.withFolder { folder in
      let one = try Self.train("one", in: folder, seed: 1)
      let two = try Self.train("two", in: folder, seed: 7, ["init": one])
      let file = try FlaggedRun.newest(two).file
      let tensors = try file.entries.map { entry in
        if entry.name == "ddp-train.people" {
          let lines = String(decoding: try file.bytes(entry.name), as: UTF8.self)
            .split(separator: "\n").filter { !$0.hasPrefix("*") }
          let bytes = Array(lines.joined(separator: "\n").utf8)
          return SafetensorsTensor(name: entry.name, shape: [bytes.count], bytes: bytes)
        }
        return SafetensorsTensor(
          name: entry.name, shape: entry.shape, floats: try file.floats(entry.name))
      }
      let old = folder + "/old.safetensors"
      try SafetensorsFile.write(tensors: tensors, metadata: file.metadata, to: old)
      #expect(
        try Checkpoint(path: old).trainedPeople()?.earlier == EarlierPeople(unknown: ["one"]))
      #expect(try Checkpoint(path: old).weightsHash() == FlaggedRun.newest(two).weightsHash())
    }
  }

  @Test func peopleAreWrittenSoThatEarlierVersionsReadThem() {
    var people = TrainedPeople(names: ["b", "*a", "c"], trains: [true, true, false])
    #expect(people.text == "+b\n+*a\n-c")
    people.earlier = EarlierPeople(names: ["x/y", "b"], unknown: ["net\nof two"])
    #expect(people.text == "+b\n+*a\n-c\n*b\n*x/y\n?net of two")
    let read = TrainedPeople(text: people.text)
    #expect(read.names == ["b", "*a", "c"] && read.trains == [true, true, false])
    #expect(read.earlier == EarlierPeople(names: ["b", "x/y"], unknown: ["net of two"]))
    #expect(read.all.names == ["b", "*a", "x/y"])
    // Rows of a head are those of classes alone.
    #expect(!read.hasTrained("x/y") && read.classes(in: read) == [0, 1, -1])
  }

  @Test func numbersAndNamesakesOfOtherDataAreToldApart() {
    let known = TrainedPeople(
      names: ["ann", "bob"], trains: [true, false],
      earlier: EarlierPeople(names: ["17", "cid", "old/dan"]))
    let all = PeopleOverlap(["ann", "bob", "17", "cid", "new/dan", "eve"], known: known)
    #expect(all.trained == 2 && all.earlier == 1 && all.numbered == 1 && all.namesakes == 1)
    #expect(
      all.line == "people overlap: 2 of the 6 people measured were trained on, 1 of them before "
        + "this run, by its first weights; 1 have the number of one whom the first weights were "
        + "trained on, and may be others; 1 have the name of one who was, below another folder")
    #expect(!PeopleOverlap.isNone(all.line))
    let none = PeopleOverlap(["bob", "eve"], known: known)
    #expect(none.isNone && none.warning == nil && PeopleOverlap.isNone(none.line))
  }
}
