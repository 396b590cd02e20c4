private import Determinism

/// An ONNX file, read as data: nothing in it is executed, and its memory is bounded by its size.
///
/// Weights may be floats of 16, 32 or 64 bits or bfloat16, as raw bytes or as fields. Files whose
/// weights lie in other files beside them are refused.
package final class ONNXFile: Sendable {
  /// Where the file is.
  package let path: String
  /// What it computes.
  package let graph: ONNXGraph
  /// The version of ONNX's own operators.
  package let opset: Int
  /// Strings beside the graph.
  package let metadata: [String: String]
  private let bytes: [UInt8]
  private let places: [String: Int]

  /// Reads the structure of the file at `path`; throws `InterchangeError`.
  package init(path: String) throws {
    self.path = path
    let file = try PositionedFile(path: path)
    guard file.byteCount <= ONNXModel.byteLimit else {
      throw InterchangeError.malformed(
        path: path, reason: "it has \(file.byteCount) bytes, and ONNX files end at 2 GiB")
    }
    bytes = try file.allBytes { _ in }
    do {
      var reader = ONNXReader(bytes)
      let model = try reader.model()
      (graph, opset, metadata) = (model.graph, model.opset, model.metadata)
    } catch let problem as ProtobufReader.Problem {
      throw problem.isCut
        ? InterchangeError.corrupt(path: path, reason: problem.message + ", as an ONNX file")
        : .malformed(path: path, reason: "it is no ONNX model: " + problem.message)
    } catch let refusal as ONNXReader.Refusal {
      throw InterchangeError.unsupported(path: path, reason: refusal.message)
    }
    var places: [String: Int] = [:]
    for (place, tensor) in graph.tensors.enumerated() {
      guard places.updateValue(place, forKey: tensor.name) == nil else {
        throw InterchangeError.malformed(
          path: path, reason: "two tensors are named '\(tensor.name)'")
      }
    }
    self.places = places
  }

  /// A hash of all that the file holds.
  package var hash: UInt64 { bytes.withUnsafeBytes { Hash64.of($0) } }

  /// The fixed tensor of that name; nil where there is none.
  package func tensor(named name: String) -> ONNXTensor? { places[name].map { graph.tensors[$0] } }

  /// The numbers of `tensor` in C order, whatever type they are stored as.
  package func floats(of tensor: ONNXTensor) -> [Float] {
    ONNXNumbers.floats(of: tensor, in: bytes)
  }

  /// The numbers of `tensor` in C order where they are whole; nil of floats.
  package func integers(of tensor: ONNXTensor) -> [Int]? {
    tensor.isFloat ? nil : ONNXNumbers.integers(of: tensor, in: bytes)
  }
}
