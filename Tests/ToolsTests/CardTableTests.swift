import Cards
import Checkpoints
import Configuration
import Foundation
import Interchange
import RunSupport
import TestSupport
import Testing
import Training

/// Which printed tables a card takes, and what it says of the people in them.
@Suite struct CardTableTests {
  private static func withRun(_ body: (String) throws -> Void) throws {
    try FlaggedRun.withFolder { folder in
      let flags = FlaggedRun.small.merging(["steps": "8"]) { $1 }
      try FlaggedRun.train(flags, in: folder)
      try body(folder)
    }
  }

  private static func card(_ run: String, _ text: String) throws -> [String] {
    try TextFile.write(text, to: run + "/table.txt")
    var request = CardRequest(checkpoint: run)
    request.evaluations = [run + "/table.txt"]
    request.out = run + "/card.md"
    try request.run()
    return try TextFile.lines(of: run + "/card.md")
  }

  private static func refusal(_ run: String, _ text: String) throws -> String {
    "\(try #require(#expect(throws: (any Error).self) { try card(run, text) }))"
  }

  private static let nobody = "No person who was measured is known to have been trained on."

  @Test func tablesOfOtherNetworksAndTextsWithoutFiguresAreRefused() throws {
    try Self.withRun { run in
      for text in [
        "", "\n", "Dear all,\nplease find it enclosed.\n", "accuracy\n", "data: x: 2.5 MB\n",
      ] {
        #expect(try Self.refusal(run, text).contains("has no line of figures"), "\(text)")
      }
      let own = try FlaggedRun.newest(run).path
      let other = run + "/checkpoints/step-000000004.safetensors"
      let figure = "\naccuracy 0.9\n"
      let refused = try Self.refusal(run, "checkpoint: \(other), step 4" + figure)
      #expect(refused.contains("is of \(other), step 4, and the card is of \(own), step 8"))
      // Of the same step, of another run that is there.
      try FlaggedRun.withFolder { elsewhere in
        try FlaggedRun.train(
          FlaggedRun.small.merging(["steps": "8", "seed": "9"]) { $1 }, in: elsewhere)
        let path = try FlaggedRun.newest(elsewhere).path
        #expect(
          try Self.refusal(run, "checkpoint: \(path), step 8" + figure).contains("is of \(path)"))
      }
      // The same file, a copy of it, and one that has gone.
      let copy = run + "/copy.safetensors"
      try FileManager.default.copyItem(atPath: own, toPath: copy)
      for path in [own, copy, "/gone/net.safetensors"] {
        let lines = try Self.card(run, "checkpoint: \(path), step 8" + figure)
        #expect(lines.contains("As `table.txt` has it:"), "\(path)")
      }
    }
  }

  @Test func aTableThatDoesNotTellOfPeopleIsNoProofThatTheyAreStrangers() throws {
    try Self.withRun { run in
      let silent = try Self.card(run, "accuracy 0.9\n")
      #expect(silent.contains { $0.hasPrefix("- `table.txt` does not say how many of the people") })
      #expect(!silent.contains { $0.hasPrefix(Self.nobody) })
      #expect(
        silent.contains("As `table.txt` has it, which does not name the network that it is of:"))
      let strangers = try Self.card(
        run, "people overlap: 0 of the 12 people measured were trained on\naccuracy 0.9\n")
      #expect(strangers.contains { $0.hasPrefix(Self.nobody) })
      let unknown = "people overlap: not known: the photos of lfw.bin have no names"
      let unnamed = try Self.card(run, "lfw \(unknown)\nlfw accuracy 0.9\n")
      #expect(
        unnamed.contains("- lfw \(unknown)") && !unnamed.contains { $0.hasPrefix(Self.nobody) })
    }
  }
}
