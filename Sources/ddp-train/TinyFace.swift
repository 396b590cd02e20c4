internal import ArgumentParser
private import Interchange
internal import Protocols

struct TinyFace: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tinyface",
    abstract: "Scores a checkpoint, or stored embeddings, on TinyFace.",
    discussion: """
      The folder holds Probe, Gallery_Match and Gallery_Distractor; a photo's name begins with the \
      number of its person and '_'. Photos are taken as they are: align them first, as CVLface does.

      EXAMPLES
        ddp-train tinyface runs/ms1m tinyface/Testing_Set
        ddp-train tinyface --embeddings tiny.npy --names tiny.txt tinyface/Testing_Set
      """)

  @Argument(
    help: "A checkpoint file or a run folder, then the folder of the set.", completion: .file(),
    transform: UserPath.read)
  var words: [String] = []

  @OptionGroup var arguments: ProtocolArguments

  func validate() throws { _ = try arguments.resolve(words) }

  func run() throws {
    let (options, folder) = try arguments.resolve(words)
    let request = TinyFaceRequest(options, folder: folder)
    let code = Dispatch.answer { try request.answer(over: $0) }
    if code != 0 { throw ExitCode(code) }
  }
}
