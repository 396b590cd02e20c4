internal import ArgumentParser
private import Training

struct Embed: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "embed",
    abstract: "Writes the embeddings of a folder of photos.",
    discussion: """
      Writes FILE.npy (float32, one row a photo) and FILE.txt (the names of the rows, one a line).

      EXAMPLES
        ddp-train embed runs/lfw --data photos --out faces.npy
        mpirun -np 4 ddp-train embed runs/lfw/checkpoints/best.safetensors --data photos --out faces.npy
      """)

  @Argument(
    help: "A checkpoint file, or a run folder (its newest good one).", completion: .file())
  var checkpoint: String

  @Option(
    help: ArgumentHelp(
      "An image folder, or synthetic[:people=N,photos=M,size=S].", valueName: "dir|synthetic"),
    completion: .directory)
  var data: String

  @Option(
    help: ArgumentHelp("The array to write.", valueName: "file.npy"),
    completion: .file(extensions: ["npy"]))
  var out: String

  @Option(
    help: ArgumentHelp("Five points a photo; aligns the faces.", valueName: "file"),
    completion: .file())
  var landmarks: String?

  @Flag(inversion: .prefixedNo, help: "Add the embeddings of the mirrored photos.")
  var flipTest: Bool?

  @Flag(
    name: .customLong("int8"),
    help: "Write one byte a number, each photo scaled to fill it; distances stay within rounding.")
  var int8 = false

  @Option(help: ArgumentHelp("Compute threads of a rank.", valueName: "t"))
  var threads: Int?

  @Flag(help: "Nothing on standard output.")
  var quiet = false

  func validate() throws {
    if !out.hasSuffix(".npy") || out.hasSuffix("/.npy") || out == ".npy" {
      throw ValidationError("--out '\(out)' does not end in NAME.npy")
    }
    try Checks.positive(threads, "--threads")
  }

  func run() throws {
    var request = EmbedRequest(
      checkpoint: checkpoint, data: try Checks.dataSource(data), out: out, quiet: quiet)
    request.landmarks = landmarks
    request.flipTest = flipTest
    request.writesBytes = int8
    request.threads = threads
    let code = Dispatch.embed(request)
    if code != 0 { throw ExitCode(code) }
  }
}
