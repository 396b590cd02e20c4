internal import ArgumentParser
private import Interchange
internal import Tasks

struct Identify: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "identify",
    abstract: "Says who is on photos, by a gallery of people who are known.",
    discussion: """
      The gallery is a folder of person/photo.jpg. Photos to identify are files, or folders of
      person/photo.jpg, whose folders then tell how often the answers are right.

      EXAMPLES
        ddp-train identify runs/lfw --gallery known a.jpg b.jpg
        ddp-train identify runs/lfw --gallery known probes --top 5 --json
        ddp-train identify runs/lfw --gallery known holiday.jpg --detector yunet.onnx
        ddp-train identify --embeddings faces.npy --names faces.txt --gallery known probes --threshold 1.1
      """)

  @Argument(
    help: "A checkpoint file or a run folder, then photos or folders of them.",
    completion: .file(),
    transform: UserPath.read)
  var words: [String] = []

  @Option(
    help: ArgumentHelp("The people who are known, person/photo.jpg.", valueName: "dir"),
    completion: .directory,
    transform: UserPath.read)
  var gallery: String

  @Option(help: ArgumentHelp("Nearest photos of the gallery to show.", valueName: "k"))
  var top = 3

  @Option(
    help: ArgumentHelp("Nearest photos of the gallery that decide, by majority.", valueName: "n"))
  var neighbours = 1

  @OptionGroup var faces: FaceArguments

  func validate() throws {
    try Checks.positive(top, "--top")
    try Checks.positive(neighbours, "--neighbours")
    _ = try request()
  }

  private func request() throws -> IdentifyRequest {
    let (options, probes) = try faces.resolve(words, leaving: 1...Int.max, called: "photos")
    var request = IdentifyRequest(options, gallery: gallery, probes: probes)
    request.top = top
    request.neighbours = neighbours
    return request
  }

  func run() throws {
    let request = try self.request()
    let code = Dispatch.task { try request.answer(over: $0) }
    if code != 0 { throw ExitCode(code) }
  }
}
