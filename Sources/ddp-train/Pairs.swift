internal import ArgumentParser
internal import Configuration
private import Interchange
internal import Protocols
private import Sessions

struct Pairs: WorkForOne {
  static let configuration = CommandConfiguration(
    commandName: "pairs",
    abstract: "Makes a list of pairs of photos to verify.",
    discussion: """
      People are dealt to folds, so that nobody is in two of them; every fold has as many pairs of \
      one person as of two. With --embeddings of the photos, the pairs of two people are the \
      nearest ones of their fold. The same photos, seed and embeddings give the same list.

      EXAMPLES
        ddp-train pairs photos --out pairs.txt
        ddp-train pairs photos --folds 5 --count 2000 --seed 7 --out pairs.txt
        ddp-train pairs photos --embeddings faces.npz --out hard.txt
      """)

  @Argument(
    help: "Photos, in any form that --data takes.", completion: .file(),
    transform: { try RunConfiguration.value(of: \.data, from: $0) })
  var data: DataSource

  @Option(
    help: ArgumentHelp("The list to write.", valueName: "file"), completion: .file(),
    transform: UserPath.read)
  var out: String

  @Option(help: ArgumentHelp("Folds.", valueName: "n"))
  var folds = 10

  @Option(help: ArgumentHelp("Pairs of all folds and both kinds, at most.", valueName: "n"))
  var count = 6000

  @Option(help: ArgumentHelp("Another seed makes another list.", valueName: "n"))
  var seed: UInt64 = 1

  @Option(as: \.exclude) var exclude: String?

  @OptionGroup var stored: EmbeddingArguments

  func validate() throws {
    try Checks.positive(folds, "--folds", atMost: 1_000_000)
    try Checks.positive(count, "--count")
    try stored.check()
  }

  func run() throws {
    var request = PairsRequest(data: data, out: out)
    request.folds = folds
    request.limit = count
    request.seed = seed
    request.exclude = exclude
    request.hard = stored.embeddings.map { ($0, stored.names) }
    let say = request.writesToOutput ? StandardOutput.complain : StandardOutput.print
    for line in try request.run() { say(line) }
  }
}
