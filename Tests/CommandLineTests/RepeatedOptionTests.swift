import ArgumentParser
import Configuration
import Testing

@testable import ddp_train

/// An option of one value that is given twice is an error, in every command.
@Suite struct RepeatedOptionTests {
  private func check(_ arguments: String...) throws {
    _ = try DDPTrain.parseAsRoot(arguments)
    try RepeatedOptions.check(arguments)
  }

  private func complaint(_ arguments: String...) throws -> String {
    _ = try DDPTrain.parseAsRoot(arguments)
    let error = try #require(
      #expect(throws: ValidationError.self) { try RepeatedOptions.check(arguments) })
    #expect(DDPTrain.exitCode(for: error) == .validationFailure)
    return error.message
  }

  @Test(arguments: ConfigurationOption.all.map(\.name))
  func everyOptionOfTheTableOnce(name: String) throws {
    let option = try #require(ConfigurationOption.named(name))
    switch option.input {
    case .value, .dashedValue:
      for arguments in [
        ["train", "--\(name)", "1", "--\(name)", "2"], ["--\(name)", "1", "--\(name)", "1"],
        ["train", "--\(name)=1", "--dry-run", "--\(name)", "2"],
        ["doctor", "--\(name)", "1", "--\(name)=2"],
      ] {
        guard (try? DDPTrain.parseAsRoot(arguments)) != nil else { continue }
        let error = #expect(throws: ValidationError.self) { try RepeatedOptions.check(arguments) }
        #expect(error?.message == "--\(name) is given twice and has one value; remove one of them")
      }
    case .list: try RepeatedOptions.check(["train", "--\(name)", "1", "--\(name)", "2"])
    case .flag:
      try RepeatedOptions.check(["train", "--\(name)", "--\(name)"])
      #expect(throws: ValidationError.self) {
        try RepeatedOptions.check(["train", "--\(name)", "--no-\(name)"])
      }
    }
  }

  @Test func optionsOfOtherCommandsToo() throws {
    let gallery = try complaint("identify", "run", "--gallery", "a", "b.jpg", "--gallery", "c")
    #expect(gallery.contains("--gallery is given twice"))
    #expect(
      try complaint("evaluate", "run", "--data", "a", "--data=b", "--pairs", "p").contains("--data")
    )
    #expect(
      try complaint("embed", "run", "--data", "a", "--out", "a.npy", "--out", "b.npy").contains(
        "--out"))
    #expect(
      try complaint("import", "f", "--out", "o", "--model", "nn1", "--model", "nn2").contains(
        "--model"))
    #expect(try complaint("synthesize", "f", "--seed", "1", "--seed", "2").contains("--seed"))
  }

  @Test func whatMayBeRepeatedStaysSo() throws {
    try check("evaluate", "run", "--pairs", "a.bin", "--pairs", "b.bin")
    try check("check", "data", "--pairs", "a", "--pairs", "b", "--json")
    try check("train", "--data", "a", "--out", "b", "--pairs", "c", "--pairs", "d")
    // A value that looks like an option given before, and words behind two dashes.
    try check("train", "--data", "synthetic", "--out", "data")
    try check("verify", "run", "--threshold", "1", "--", "--a.jpg", "--a.jpg")
    try check()
  }
}
