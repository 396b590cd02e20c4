internal import ArgumentParser
private import Interchange
internal import Tasks

struct Verify: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Says whether two photos show one person.",
    discussion: """
      The threshold is the checkpoint's own, chosen by its last evaluation of pairs, or by
      ddp-train evaluate --store-threshold.

      EXAMPLES
        ddp-train verify runs/lfw a.jpg b.jpg
        ddp-train verify runs/lfw a.jpg b.jpg --threshold 1.1 --json
        ddp-train verify runs/lfw holiday.jpg passport.png --detector yunet.onnx --faces centred
        ddp-train verify --embeddings faces.npy --names faces.txt Ann/1.jpg Bob/1.jpg --threshold 1.1
      """)

  @Argument(
    help: "A checkpoint file or a run folder, then two photos.", completion: .file(),
    transform: UserPath.read)
  var words: [String] = []

  @OptionGroup var faces: FaceArguments

  func validate() throws { _ = try request() }

  private func request() throws -> VerifyRequest {
    let (options, photos) = try faces.resolve(words, leaving: 2...2, called: "two photos")
    return VerifyRequest(options, first: photos[0], second: photos[1])
  }

  func run() throws {
    let request = try self.request()
    let code = Dispatch.task { try request.answer(over: $0) }
    if code != 0 { throw ExitCode(code) }
  }
}
