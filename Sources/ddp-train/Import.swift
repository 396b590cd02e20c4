internal import ArgumentParser
internal import Configuration
private import Interchange
internal import Interop
private import Sessions

struct Import: WorkForOne {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Makes a checkpoint of other programs' weights.",
    discussion: """
      Reads safetensors, PyTorch's .pt and .pth (state dicts, also inside checkpoints; nothing in \
      them is executed) and .npz, by the names of the network's published definition, and ONNX by \
      the structure of the graph, also where batch norms are folded into convolutions. What the \
      network was trained on must be known, from the file or from --normalize and --channels: \
      a network that is fed something else works a little, which is worse than not at all.

      EXAMPLES
        ddp-train import backbone.pth --model iresnet50 --normalize half --channels rgb --out r50.safetensors
        ddp-train import w600k_r50.onnx --model iresnet50 --normalize half --channels rgb --out r50.safetensors
        ddp-train import moco.pth --model resnet50 --prefix encoder_q --normalize imagenet --channels rgb --out q.safetensors
        ddp-train evaluate r50.safetensors --data photos --pairs pairs.txt
        ddp-train train --model iresnet50 --init r50.safetensors --data photos --lr 0.01
      """)

  @Argument(help: "The file of weights.", completion: .file(), transform: UserPath.read)
  var file: String

  @Option(
    help: ArgumentHelp("The checkpoint to write.", valueName: "file.safetensors"),
    completion: .file(extensions: ["safetensors"]),
    transform: UserPath.read)
  var out: String

  @OptionGroup var contract: TableOptions<Contract>

  @Option(
    help: ArgumentHelp(
      "The colours' order of the images; bgr turns the first convolution round.",
      valueName: "rgb|bgr"), completion: .names(of: ChannelOrder.self))
  var channels: String?

  @Option(
    help: ArgumentHelp(
      "What stands before the names of the network to take, where the file holds several.",
      valueName: "prefix"))
  var prefix: String?

  /// What a network is and reads, as train's options say it.
  enum Contract: OptionList {
    static let options = ImportRequest.contract

    static func help(of option: ConfigurationOption) -> String {
      option.sentence
        + (option.member == \RunConfiguration.embedding ? "; what the file has." : ".")
    }
  }

  func run() throws {
    let order = try channels.map { text in
      guard let order = ChannelOrder(rawValue: text) else {
        throw ValidationError("--channels \(text) is neither rgb nor bgr")
      }
      return order
    }
    var request = ImportRequest(file: file, out: out, options: contract.given, channels: order)
    request.prefix = prefix
    for line in try request.run() { StandardOutput.print(line) }
  }
}
