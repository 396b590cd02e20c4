internal import ArgumentParser
private import Interchange
internal import Interop

struct Inspect: WorkForOne {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Prints what a checkpoint holds, and the hash of its weights.",
    discussion: """
      EXAMPLES
        ddp-train inspect runs/lfw
        ddp-train inspect runs/lfw/checkpoints/best.safetensors
      """)

  @Argument(
    help: "A checkpoint file, or a run folder (its newest good one).", completion: .file(),
    transform: UserPath.read)
  var checkpoint: String

  func run() throws {
    try InspectRequest(checkpoint: checkpoint).run()
  }
}
