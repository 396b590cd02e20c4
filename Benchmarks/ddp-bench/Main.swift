internal import ArgumentParser
private import Kernels
private import Networks

@main
struct DDPBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ddp-bench",
    abstract: "Measures kernels and whole training steps, after checking that they are right.",
    discussion: """
      EXAMPLES
        ddp-bench kernels --filter 56x56
        ddp-bench layers --model iresnet18
        ddp-bench step --model iresnet18 --batch 64 --microbatch 16 --threads 1
        mpirun -np 2 ddp-bench step --batch 128 --threads 1
        mpirun -np 2 ddp-bench head --classes 1000000 --batch 256
        ddp-bench detect --detector yunet.onnx --width 640 --height 480
        ddp-bench compare before.json after.json
      """,
    subcommands: [
      Kernels.self, Dense.self, Head.self, Layers.self, Step.self, Embed.self, Detect.self,
      Follow.self, Compare.self,
    ])
}

/// The network, as several subcommands name it.
struct ModelOptions: ParsableArguments {
  @Option(help: "The network.")
  var model = "iresnet18"

  @Option(help: "Side of the images in pixels (default: the model's own).")
  var imageSize: Int?

  @Option(help: "Factor of the channels of every stage.")
  var width = 1.0

  @Option(help: "Numbers of products: fp32 or bf16.")
  var precision = Precision.float32.rawValue

  func validate() throws {
    guard Precision(rawValue: precision) != nil else {
      let names = Precision.allCases.map(\.rawValue).joined(separator: " ")
      throw ValidationError("no precision '\(precision)'; there are \(names)")
    }
    guard Models.names.contains(model) else {
      throw ValidationError("no model '\(model)'; there are \(Models.names.joined(separator: " "))")
    }
    guard imageSize ?? 16 >= 16, width > 0 else {
      throw ValidationError("--image-size at least 16, --width above 0")
    }
  }
}
