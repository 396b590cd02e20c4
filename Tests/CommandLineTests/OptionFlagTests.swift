import ArgumentParser
import Configuration
import Datasets
import Testing

@testable import ddp_train

/// The flags that ArgumentParser makes of the table.
@Suite struct OptionFlagTests {
  private func train(_ arguments: [String]) throws -> [ConfigurationAssignment] {
    let command = try #require(try DDPTrain.parseAsRoot(["train"] + arguments) as? Train)
    return command.given
  }

  @Test(arguments: ConfigurationOption.all.map(\.name))
  func everyOptionOfTheTableIsAFlag(name: String) throws {
    let option = try #require(ConfigurationOption.named(name))
    switch option.input {
    case .value:
      #expect(try train(["--\(name)", "a b"]) == [.flag(name, "a b")])
      #expect(throws: (any Error).self) { try train(["--\(name)", "--dry-run"]) }
    case .dashedValue:
      #expect(try train(["--\(name)", "-7"]) == [.flag(name, "-7")])
    case .list:
      #expect(try train(["--\(name)", "a", "--\(name)", "b,c"]) == [.flag(name, "a,b\\,c")])
    case .flag:
      #expect(try train(["--\(name)"]) == [.flag(name, "true")])
      #expect(try train(["--no-\(name)"]) == [.flag(name, "false")])
    }
  }

  @Test func nothingGivenIsNothing() throws {
    #expect(try train([]) == [])
  }

  @Test func helpSaysOfEveryOptionWhatTheTableSays() {
    func words(_ text: String) -> String {
      text.split { $0 == " " || $0 == "\n" }.joined(separator: " ")
    }
    let help = words(DDPTrain.helpMessage(for: Train.self, columns: 100))
    for option in ConfigurationOption.all {
      let flag = option.input == .flag ? "--no-\(option.name)" : "--\(option.name)"
      let value = option.valueName.isEmpty ? "" : " <\(option.valueName)>"
      #expect(help.contains(words("\(flag)\(value) \(option.help)")), "\(option.name)")
    }
    for section in ConfigurationOption.Section.allCases {
      #expect(help.contains("\(section.rawValue.uppercased()):"))
    }
  }

  @Test func importTakesWhatANetworkIs() throws {
    let words = [
      "import", "w.pth", "--out", "o", "--model", "nn1", "--image-size", "64x48", "--normalize",
      "half", "--width", "2", "--embedding", "9", "--batch-norm", "on", "--pooling", "l2",
    ]
    let command = try #require(try DDPTrain.parseAsRoot(words) as? Import)
    #expect(
      command.contract.given == [
        .flag("model", "nn1"), .flag("image-size", "64x48"), .flag("normalize", "half"),
        .flag("width", "2"), .flag("embedding", "9"), .flag("batch-norm", "on"),
        .flag("pooling", "l2"),
      ])
  }

  @Test func otherCommandsReadASharedOptionAsTrainDoes() throws {
    let words = [
      "evaluate", "runs/x", "--data", "synthetic:people=3", "--split", "people-random:0.5",
      "--split-seed", "7", "--min-photos", "2", "--threads", "3", "--no-flip-test",
    ]
    let command = try #require(try DDPTrain.parseAsRoot(words) as? Evaluate)
    #expect(command.data == .synthetic(SyntheticData(people: 3, photos: 12, size: 64)))
    #expect(command.split == .peopleRandom(fraction: 0.5))
    #expect(command.splitSeed == 7 && command.minPhotos == 2 && command.threads == 3)
    #expect(command.network.flipTest == false && command.landmarks == nil)
    for (word, sentence) in [
      ("x", "'x' is not a whole number"), ("0", "give 1 to 1024;"),
      ("auto", "give a value, or no --threads"),
    ] {
      do {
        _ = try DDPTrain.parseAsRoot(["evaluate", "runs/x", "--data", "d", "--threads", word])
        Issue.record("--threads \(word) was taken")
      } catch {
        let message = DDPTrain.message(for: error)
        #expect(message.contains("--threads") && "\(message);".contains(sentence), "\(message)")
        #expect(DDPTrain.exitCode(for: error).rawValue == 64)
      }
    }
  }
}
