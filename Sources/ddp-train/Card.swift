internal import ArgumentParser
internal import Cards
private import Interchange

struct Card: WorkForOne {
  static let configuration = CommandConfiguration(
    commandName: "card",
    abstract: "Writes a model card: what a network is, what it was trained on, what it is worth.",
    discussion: """
      Markdown, with what the checkpoint and its run folder know. What nobody but the author knows \
      stands between angle brackets. Tables of other sets come in by --evaluation, a file with what \
      evaluate, ijb or tinyface printed.

      EXAMPLES
        ddp-train card runs/lfw --out README.md
        ddp-train evaluate runs/lfw --pairs lfw.bin > lfw.txt
        ddp-train card runs/lfw --evaluation lfw.txt --out README.md
      """)

  @Argument(
    help: "A checkpoint file, or a run folder (its newest good one).", completion: .file(),
    transform: UserPath.read)
  var checkpoint: String

  @Option(
    help: ArgumentHelp(
      "What a command printed of the network; may be repeated.", valueName: "file"),
    completion: .file(), transform: UserPath.read)
  var evaluation: [String] = []

  @Option(
    help: ArgumentHelp("The file to write; standard output without.", valueName: "file"),
    completion: .file(), transform: UserPath.read)
  var out: String?

  func run() throws {
    var request = CardRequest(checkpoint: checkpoint)
    request.evaluations = evaluation
    request.out = out
    try request.run()
  }
}
