internal import ArgumentParser
private import Comparison
private import Interchange
private import Sessions

struct Compare: WorkForOne {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "Tells where two runs part, in what, and why.",
    discussion: """
      The first step that differs, what of it (samples, loss, gradient, weights), which tensors of \
      the first checkpoint that both have from there on, and what differs in configuration, data, \
      program and processor. docs/receipts.md says how to read it. The exit code is 0 where they are \
      alike, 1 where they are not and 2 where one cannot be read.

      EXAMPLES
        ddp-train compare runs/one runs/two
        ddp-train compare a.safetensors b.safetensors
      """)

  @Argument(
    help: "A run folder, or a checkpoint file.", completion: .file(),
    transform: UserPath.read)
  var first: String

  @Argument(
    help: "The other one, of the same kind.", completion: .file(),
    transform: UserPath.read)
  var second: String

  func run() throws {
    let (lines, isAlike): ([String], Bool)
    do {
      (lines, isAlike) = try CompareRequest(first: first, second: second).run()
    } catch {
      // As diff and cmp: 1 says that they differ.
      StandardOutput.complain("ddp-train: \(error)")
      throw ExitCode(2)
    }
    for line in lines { StandardOutput.print(line) }
    if !isAlike { throw ExitCode.failure }
  }
}
