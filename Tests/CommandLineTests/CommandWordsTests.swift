import ArgumentParser
import Configuration
import Testing

@testable import ddp_train

/// What people type, and what is said to them.
@Suite struct CommandWordsTests {
  private func complaint(_ words: [String]) -> String? {
    let joined = CommandWords.joiningNegativeNumbers(words)
    do {
      let command = try DDPTrain.parseAsRoot(joined)
      _ = try RunConfiguration.resolve(
        flags: (command as? Train)?.given ?? [])
      return nil
    } catch {
      let command: any ParsableCommand.Type = words.first == "doctor" ? Doctor.self : Train.self
      return CommandWords.withUsualNames(DDPTrain.message(for: error), of: command)
    }
  }

  @Test(arguments: [
    (["train", "--lr", "-1"], "--lr: lr is -1; give a positive number"),
    (["train", "--lr", "-.5"], "--lr: lr is -0.5; give a positive number"),
    (["train", "--batch", "-3"], "--batch: batch is -3; give at least 1 sample"),
    (["train", "--lr", "-inf"], "'-inf' is not a number"),
    (["train", "--evaluate-every", "-1e"], "'-1e' is not N steps"),
    (["verify", "r", "a", "b", "--threshold", "-1"], "--threshold -1.0 is not a squared distance"),
    (["synthesize", "o", "--people", "-2"], "--people -2 is not positive"),
    (["cluster", "r", "a", "--clusters", "-2"], "--clusters -2 is not positive"),
  ])
  func aNegativeNumberIsJudgedAsOne(words: [String], sentence: String) {
    let message = complaint(words)
    #expect(message?.contains(sentence) == true, "\(message ?? "no complaint")")
  }

  @Test(arguments: [
    (["verify", "r", "a", "b", "--threshold", "0x1"], "'0x1' is not a number"),
    (["verify", "r", "a", "b", "--threshold", "1e-400"], "'1e-400' is not a number"),
    (["train", "--lr", "0x1p-2"], "'0x1p-2' is not a number"),
    (["train", "--lr", "1e-400"], "'1e-400' is not a number"),
    (["train", "--augment", "color:0x1p-2"], "the amount of color lies above 0"),
    (["sweep", "crop", "r", "--data", "d", "--values", "0x8"], "'0x8' is not a number"),
    (["sweep", "crop", "r", "--data", "d", "--values", ""], "'' is not a number"),
    (["sweep", "crop", "r", "--data", "d", "--values", "8,,9"], "'' is not a number"),
    (["sweep", "crop", "r", "--data", "d", "--values", "8,9,8.0"], "has 8 twice; keep one"),
    (["doctor", "--predict", "2", "--network", "0x9gbit:3"], "is not RATE:LATENCY"),
  ])
  func numbersAreDecimalAndGivenOnce(words: [String], sentence: String) {
    let message = complaint(words)
    #expect(message?.contains(sentence) == true, "\(message ?? "no complaint")")
  }

  @Test func valuesOfASweepMayHaveSpaces() {
    #expect(complaint(["sweep", "crop", "r", "--data", "d", "--values", "8, 9"]) == nil)
  }

  @Test(arguments: ["-1.jpg", "-photo.jpg", "-h.png", "--x.jpeg", "-a.tar"])
  func aNameThatBeginsWithADashIsToldFromAnOption(name: String) {
    #expect {
      try CommandWords.checkNames(["verify", "r", name, "b.jpg"])
    } throws: {
      DDPTrain.message(for: $0).contains("write './\(name)', or put '--' before the names")
    }
  }

  @Test func optionsAndNumbersAreNoNames() throws {
    try CommandWords.checkNames([
      "train", "-h", "--lr", "-1.5", "--lr=-.5", "--out=a.jpg", "-1.e", "./-1.jpg", "--", "-1.jpg",
    ])
  }

  @Test func aNegativeNumberThatIsRightIsTaken() {
    #expect(complaint(["train", "--gradient-grid", "-30"]) == nil)
    #expect(
      CommandWords.joiningNegativeNumbers(["a", "--", "--lr", "-1"]) == ["a", "--", "--lr", "-1"])
    #expect(CommandWords.joiningNegativeNumbers(["-h", "-1", "--x=1", "-2"]).count == 4)
  }

  @Test(arguments: [
    ("learning-rate", "lr"), ("batch-size", "batch"), ("batch_size", "batch"),
    ("num-workers", "threads"), ("output-dir", "out"), ("weight_decay", "weight-decay"),
    ("arch", "model"), ("pretrained", "init"), ("warmup", "warmup-epochs"),
    ("val-targets", "pairs"), ("embedding-size", "embedding"), ("image_size", "image-size"),
    ("grad-clip", "clip-norm"), ("save-interval", "checkpoint-every"),
    ("eval_every", "evaluate-every"),
  ])
  func theUsualNameOfAnOptionIsKnown(word: String, option: String) throws {
    let message = try #require(complaint(["train", "--\(word)", "1"]))
    #expect(message == "Unknown option '--\(word)'. Did you mean '--\(option)'?")
    do {
      _ = try RunConfiguration.parse(yaml: "\(word): 1\n", path: "f")
      Issue.record("\(word) was taken")
    } catch {
      #expect("\(error)".contains("unknown key '\(word)'; did you mean '\(option)'?"), "\(error)")
    }
  }

  @Test(arguments: [
    ("model", "r50", "iresnet50"), ("model", "ir-se50", "iresnet50"),
    ("model", "R100", "iresnet100"),
    ("model", "mbf", "mobilefacenet"), ("model", "resnet-50", "resnet50"),
    ("loss", "cross-entropy", "softmax"), ("loss", "AM-Softmax", "cosface"),
    ("optimizer", "adam", "adamw"), ("optimizer", "SGD", "sgd"),
    ("schedule", "multistep", "step"), ("schedule", "poly", "polynomial"),
    ("augment", "hflip", "flip"), ("resume", "latest", "auto"), ("resume", "true", "auto"),
  ])
  func theUsualNameOfAValueIsKnown(option: String, word: String, meaning: String) throws {
    let message = try #require(complaint(["train", "--\(option)", word]))
    #expect(message.contains(word) && message.contains(meaning), "\(message)")
  }

  @Test(arguments: ["off", "no", "false", "none", "Off"])
  func augmentationIsSwitchedOffByAnyOfTheWords(word: String) throws {
    let configuration = try RunConfiguration.parse(
      yaml: "augment: \(word)\n", path: "f")
    #expect(configuration.text(of: \.augment) == "none")
  }

  @Test(arguments: ["off", "no", "false", "none"])
  func resumeIsSwitchedOffByAnyOfTheWords(word: String) throws {
    let configuration = try RunConfiguration.parse(
      yaml: "resume: \(word)\n", path: "f")
    #expect(configuration.resume == .none)
  }

  @Test func embedStoresOneFormOfNumbers() {
    let words = ["embed", "r", "--data", "d", "--out", "o.npy"]
    #expect(complaint(words + ["--fp16"]) == nil && complaint(words + ["--int8"]) == nil)
    #expect(complaint(words + ["--fp16", "--int8"])?.contains("give one of them") == true)
  }

  @Test func embedEvaluateAndSweepTakeMaxBad() throws {
    for words in [
      ["embed", "r", "--data", "d", "--out", "o.npy"], ["evaluate", "r", "--data", "d"],
      ["sweep", "quantization", "r", "--data", "d"],
    ] {
      #expect(complaint(words + ["--max-bad", "50%"]) == nil)
      #expect(complaint(words + ["--max-bad", "2"])?.contains("--max-bad") == true)
    }
  }
}
