internal import Configuration
internal import Interop
internal import ArgumentParser

struct Import: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Makes a checkpoint of other programs' weights.",
    discussion: """
      Reads safetensors, PyTorch's .pt and .pth (state dicts, also inside checkpoints; nothing in \
      them is executed) and .npz, by the names of the network's published definition. What the \
      network was trained on must be known, from the file or from --normalize and --channels: \
      a network that is fed something else works a little, which is worse than not at all.

      EXAMPLES
        ddp-train import backbone.pth --model iresnet50 --normalize half --channels rgb --out r50.safetensors
        ddp-train evaluate r50.safetensors --data photos --pairs pairs.txt
        ddp-train train --model iresnet50 --init r50.safetensors --data photos --lr 0.01
      """)

  @Argument(help: "The file of weights.", completion: .file())
  var file: String

  @Option(
    help: ArgumentHelp("The checkpoint to write.", valueName: "file.safetensors"),
    completion: .file(extensions: ["safetensors"]))
  var out: String

  @Option(
    help: ArgumentHelp("The network; a wrong name lists them.", valueName: "name"),
    completion: .list(Dispatch.modelNames))
  var model: String?

  @Option(
    help: ArgumentHelp(
      "How bytes became numbers: half, unit, facenet, standardize or imagenet.",
      valueName: "name"),
    completion: .list(["half", "unit", "facenet", "standardize", "imagenet"]))
  var normalize: String?

  @Option(
    help: ArgumentHelp(
      "The colours' order of the images; bgr turns the first convolution round.",
      valueName: "rgb|bgr"), completion: .names(of: ChannelOrder.self))
  var channels: String?

  @Option(
    help: ArgumentHelp("Side, or height x width, of the images; the model's own.", valueName: "n"))
  var imageSize: String?

  @Option(help: ArgumentHelp("Length of the embedding; what the file has.", valueName: "n"))
  var embedding: String?

  @Option(help: ArgumentHelp("Factor of the channels.", valueName: "x"))
  var width: String?

  @Option(help: ArgumentHelp("Batch norm in the place of nn*'s biases.", valueName: "on|off"))
  var batchNorm: String?

  @Option(help: ArgumentHelp("The pooling of inception modules.", valueName: "max|l2"))
  var pooling: String?

  func run() throws {
    let order = try channels.map { text in
      guard let order = ChannelOrder(rawValue: text) else {
        throw ValidationError("--channels \(text) is neither rgb nor bgr")
      }
      return order
    }
    let given: [(key: String, text: String?)] = [
      ("model", model), ("normalize", normalize), ("image-size", imageSize),
      ("embedding", embedding), ("width", width), ("batch-norm", batchNorm), ("pooling", pooling),
    ]
    let request = ImportRequest(
      file: file, out: out,
      options: given.compactMap { option in option.text.map { .flag(option.key, $0) } },
      channels: order)
    for line in try request.run() { print(line) }
  }
}
