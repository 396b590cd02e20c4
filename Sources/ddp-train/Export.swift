internal import ArgumentParser
internal import Configuration
private import Interchange
internal import Interop
private import Sessions

struct Export: WorkForOne {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Writes a checkpoint's network for other programs.",
    discussion: """
      safetensors and npz hold weights and running moments by the names of the network's published \
      PyTorch definition, which loads them strictly; onnx holds the network itself, from images \
      [N, 3, H, W] to embeddings [N, D]. What the network expects of its images stands beside the \
      weights. Class weights and the optimizer stay behind.

      EXAMPLES
        ddp-train export runs/lfw --to safetensors --out iresnet18.safetensors
        ddp-train export runs/lfw --to onnx --normalize-inside --fold-batch-norm --out faces.onnx
      """)

  @Argument(
    help: "A checkpoint file, or a run folder (its newest good one).", completion: .file(),
    transform: UserPath.read)
  var checkpoint: String

  @Option(
    help: ArgumentHelp("safetensors, npz or onnx.", valueName: "format"),
    completion: .names(of: ExportRequest.Format.self))
  var to: String

  @Option(
    help: ArgumentHelp("The file to write.", valueName: "file"), completion: .file(),
    transform: UserPath.read)
  var out: String

  @Option(
    help: ArgumentHelp("The colours' order that the network shall read.", valueName: "rgb|bgr"),
    completion: .names(of: ChannelOrder.self))
  var channels = "rgb"

  @Option(
    help: ArgumentHelp("The weights: raw, or ema, their average (--ema).", valueName: "raw|ema"),
    completion: .names(of: WeightsKind.self),
    transform: WeightsKind.init(word:))
  var weights = WeightsKind.raw

  @Flag(help: "ONNX: take bytes as floats, 0 to 255, and normalise them in the graph.")
  var normalizeInside = false

  @Flag(help: "ONNX: fold batch norms into the convolutions before them.")
  var foldBatchNorm = false

  func run() throws {
    guard let format = ExportRequest.Format(rawValue: to) else {
      throw ValidationError("--to \(to) is none of safetensors, npz, onnx")
    }
    guard let order = ChannelOrder(rawValue: channels) else {
      throw ValidationError("--channels \(channels) is neither rgb nor bgr")
    }
    if format != .onnx, normalizeInside || foldBatchNorm {
      throw ValidationError("--normalize-inside and --fold-batch-norm are for --to onnx alone")
    }
    var request = ExportRequest(checkpoint: checkpoint, format: format, out: out)
    request.channels = order
    request.normalizesInside = normalizeInside
    request.foldsBatchNorm = foldBatchNorm
    request.weights = weights
    for line in try request.run() { StandardOutput.print(line) }
  }
}
