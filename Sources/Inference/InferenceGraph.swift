package import Interchange
internal import Kernels

/// A graph of an ONNX file as operations that the kernels compute: convolutional networks that take
/// one image of any height and width.
///
/// Operators that are not computed here are refused by name. Convolutions take the bias and the
/// ReLU that follow them along.
package final class InferenceGraph: Sendable {
  /// The file that it is of.
  package let path: String
  /// What the image is called.
  let inputName: String
  /// Of the image.
  package let inputChannels: Int
  /// What the graph gives, by name, in the order of the file.
  package let outputNames: [String]
  let steps: [Step]

  /// An operation, what it reads and what it computes.
  struct Step: Sendable {
    let title: String
    var operation: GraphOperation
    let inputs: [String]
    var output: String
  }

  /// Takes over the graph of `file`; throws `InterchangeError` for what is not computed here and
  /// for what contradicts itself.
  package init(_ file: ONNXFile) throws {
    let graph = file.graph
    path = file.path
    guard graph.inputs.count == 1, let input = graph.inputs.first, input.shape.count == 4 else {
      let inputs = graph.inputs.prefix(4).map { "\($0.name.prefix(200)) \($0.text)" }
      throw InterchangeError.unsupported(
        path: file.path,
        reason: "a graph of the inputs \(inputs.joined(separator: ", "))"
          + (graph.inputs.count > 4 ? " and \(graph.inputs.count - 4) more" : "")
          + "; one image [N, C, H, W] is computed")
    }
    var builder = GraphBuilder(file)
    for node in graph.nodes { try builder.add(node) }
    guard let channels = input.shape[1] ?? builder.channels(readingFrom: input.name),
      channels <= GraphOperation.mostChannels
    else {
      throw InterchangeError.unsupported(
        path: file.path, reason: "an image '\(input.name)' \(input.text) of channels nobody knows")
    }
    guard !graph.outputs.isEmpty else {
      throw InterchangeError.malformed(path: file.path, reason: "its graph gives nothing")
    }
    (inputName, inputChannels, steps) = (input.name, channels, builder.steps)
    outputNames = graph.outputs.map(\.name)
  }

  /// The network that `layers` say, which gives `outputs` of an image of `channels` channels.
  package init(_ layers: GraphLayers, channels: Int, outputs: [String]) {
    (path, inputName, inputChannels) = (layers.path, GraphLayers.image, channels)
    (steps, outputNames) = (layers.steps, outputs)
  }
}

extension ONNXGraph.Port {
  /// Its dimensions, as a message has them.
  fileprivate var text: String {
    "[" + shape.prefix(8).map { $0.map { "\($0)" } ?? "any" }.joined(separator: ", ")
      + (shape.count > 8 ? ", ...]" : "]")
  }
}

/// What a step computes, with all that does not depend on the image's size.
enum GraphOperation: Sendable {
  case convolution(GraphConvolution)
  /// `roundsUp`: with windows that reach beyond the map, as torch's `ceil_mode` has them.
  case maxPool(window: Int, stride: Int, padding: Int, roundsUp: Bool)
  /// By a fixed factor, or to the height and width that an input of whole numbers has.
  case enlarge(factor: Int?)
  case add, relu, sigmoid
  /// [N, C, H, W] to [N, H, W, C].
  case channelsLast
  case reshape
  case alias
  /// Whole numbers, which are known before the image is.
  case constant([Int], isScalar: Bool)
  case shape, gather, unsqueeze, join

  /// Sizes beyond these are refused: memory is asked for by what a file says.
  static let mostChannels = 1 << 16
  static let largestSide = 1 << 16
  /// Whole numbers that a graph computes with are shapes and their sides.
  static let mostIntegers = 64
}

/// A convolution with its weights in the order of the kernels, its bias, and the ReLU or the PReLU
/// behind it.
struct GraphConvolution: Sendable {
  let inputChannels, outputChannels, kernelHeight, kernelWidth, stride: Int
  let paddingHeight, paddingWidth: Int
  /// Whether each channel is convolved by itself.
  let isDepthwise: Bool
  let weights: [Float]
  let bias: [Float]
  var rectifies = false
  /// PReLU's, of each channel; nil where there is none.
  var slopes: [Float]?

  /// Its shapes for an image of a size; nil where the kernel does not fit.
  func shape(height: Int, width: Int) -> ConvolutionShape? {
    guard height + 2 * paddingHeight >= kernelHeight, width + 2 * paddingWidth >= kernelWidth
    else { return nil }
    return ConvolutionShape(
      height: height, width: width, inputChannels: inputChannels, outputChannels: outputChannels,
      kernelHeight: kernelHeight, kernelWidth: kernelWidth, stride: stride,
      paddingHeight: paddingHeight, paddingWidth: paddingWidth)
  }
}
