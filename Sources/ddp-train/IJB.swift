internal import ArgumentParser
private import Interchange
internal import Protocols

struct IJB: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ijb",
    abstract: "Scores a checkpoint, or stored embeddings, on IJB-B or IJB-C.",
    discussion: """
      The folder holds loose_crop and meta as InsightFace lays them out: photos are aligned by the \
      five points of meta, templates made by media and the detector's scores, then pairs of \
      templates verified (1:1) and probes searched for in both galleries (1:N). Stored embeddings \
      are of the photos of loose_crop, by their names.

      EXAMPLES
        ddp-train ijb runs/ms1m IJBC
        mpirun --bind-to none -np 4 ddp-train ijb runs/ms1m IJB --set ijbb
        ddp-train ijb --embeddings ijbc.npy --names ijbc.txt IJBC
      """)

  @Argument(
    help: "A checkpoint file or a run folder, then the folder of the set.", completion: .file(),
    transform: UserPath.read)
  var words: [String] = []

  @Option(
    help: ArgumentHelp("ijbb or ijbc, where the folder holds both.", valueName: "set"),
    completion: .names(of: IJBRequest.Set.self))
  var set: String?

  @OptionGroup var arguments: ProtocolArguments

  func validate() throws { _ = try request() }

  private func request() throws -> IJBRequest {
    let (options, folder) = try arguments.resolve(words)
    let chosen = try set.map { word in
      guard let set = IJBRequest.Set(rawValue: word) else {
        throw ValidationError("--set '\(word)' is neither ijbb nor ijbc")
      }
      return set
    }
    return IJBRequest(options, folder: folder, set: chosen)
  }

  func run() throws {
    let request = try self.request()
    let code = Dispatch.answer { try request.answer(over: $0) }
    if code != 0 { throw ExitCode(code) }
  }
}
