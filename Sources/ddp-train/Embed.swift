internal import ArgumentParser
internal import Configuration
internal import EmbeddingFiles
private import Interchange
internal import Measuring

struct Embed: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "embed",
    abstract: "Writes the embeddings of a folder of photos.",
    discussion: """
      FILE.npy has a row a photo, with the names of the rows in FILE.txt, one a line; FILE.npz has \
      the arrays embeddings and names; FILE.csv has a line a photo, the name first.

      With --detector photos may be as a camera takes them: of each one face is aligned as ddp-train \
      align does it. Photos without a face get no row, and are named and counted.

      EXAMPLES
        ddp-train embed runs/lfw --data photos --out faces.npy
        ddp-train embed runs/lfw --data photos --int8 --out faces.npz
        ddp-train embed runs/lfw --data album --detector yunet.onnx --out faces.npy
        ddp-train embed runs/teacher --data photos --mirrored --out teacher.npy
        mpirun --bind-to none -np 4 ddp-train embed runs/lfw/checkpoints/best.safetensors --data photos --out faces.npy
      """)

  @Argument(
    help: "A checkpoint file, or a run folder (its newest good one).", completion: .file(),
    transform: UserPath.read)
  var checkpoint: String

  @Option(required: \.data) var data: DataSource

  @Option(
    help: ArgumentHelp("The file to write: .npy, .npz or .csv.", valueName: "file"),
    completion: .file(extensions: ["npy", "npz", "csv"]),
    transform: UserPath.read)
  var out: String

  @Option(as: \.exclude) var exclude: String?

  @Option(as: \.landmarks) var landmarks: String?

  @OptionGroup var detector: DetectorArguments

  @OptionGroup var network: NetworkArguments

  @Flag(
    help: ArgumentHelp(
      "Write rows of the mirrored photos too, NAME#mirrored, as --teacher of train takes them."))
  var mirrored = false

  @Flag(
    name: .customLong("fp16"),
    help: "Write floats of 16 bits, half the size; a --teacher and all tasks read them.")
  var fp16 = false

  @Flag(
    name: .customLong("int8"),
    help: "Write one byte a number, each photo scaled to fill it; distances stay within rounding.")
  var int8 = false

  @Option(as: \.threads) var threads: Int?

  @Flag(help: "Nothing on standard output.")
  var quiet = false

  func validate() throws {
    _ = try detector.search(besides: landmarks)
    if mirrored, network.flipTest == true {
      throw ValidationError(
        "--mirrored writes photo and mirror image apart, --flip-test adds them; give one of them")
    }
    if fp16, int8 {
      throw ValidationError("--fp16 and --int8 are two forms of numbers; give one of them")
    }
    guard EmbeddingFile(path: out) != nil else {
      throw ValidationError("--out '\(out)' does not end in NAME.npy, NAME.npz or NAME.csv")
    }
  }

  func run() throws {
    var request = EmbedRequest(
      checkpoint: checkpoint, data: data, out: out, quiet: quiet)
    request.exclude = exclude
    request.landmarks = landmarks
    request.search = try detector.search(besides: landmarks)
    request.flipTest = network.flipTest
    request.maxBad = network.maxBad
    request.precision = network.precision
    request.weights = network.weights
    request.numbers = int8 ? .int8 : fp16 ? .float16 : .float32
    request.writesMirrored = mirrored
    request.threads = threads
    let code = Dispatch.run { try request.run(over: $0) }
    if code != 0 { throw ExitCode(code) }
  }
}
