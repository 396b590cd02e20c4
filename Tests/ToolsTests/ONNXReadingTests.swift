import Foundation
import Interchange
import Interop
import RunSupport
import Testing
import Training

/// What `export --to onnx` has written, read back.
@Suite struct ONNXReadingTests {
  @Test(arguments: ["iresnet10", "mobilefacenet"])
  func exportsAreReadBackEqual(model: String) throws {
    let folder = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var configuration = SmallRun.configuration(model: model)
    configuration.length = .steps(1)
    (configuration.loss, configuration.scale, configuration.margin) = (.softmax, 1, [])
    _ = try SmallRun.train(configuration, folder: folder + "/run")
    for (format, name) in [(ExportRequest.Format.onnx, "w.onnx"), (.safetensors, "w.safetensors")] {
      _ = try ExportRequest(
        checkpoint: folder + "/run", format: format, out: folder + "/" + name
      ).run()
    }
    let file = try ONNXFile(path: folder + "/w.onnx")
    let weights = try SafetensorsFile(path: folder + "/w.safetensors")
    #expect(file.opset == ONNXModel.opset && file.graph.name.hasPrefix(model))
    #expect(file.graph.inputs.map(\.shape) == [[nil, 3, 32, 32]])
    #expect(file.graph.outputs.map(\.name) == ["embeddings"])
    #expect(file.metadata["ddp-train.model"] == model)
    var compared = 0
    for tensor in file.graph.tensors {
      guard weights.names.contains(tensor.name) else { continue }
      #expect(file.floats(of: tensor) == (try weights.elements(of: tensor.name)), "\(tensor.name)")
      compared += 1
    }
    let convolutions = file.graph.nodes.filter { $0.operation == "Conv" }
    #expect(convolutions.count > 8 && compared > 3 * convolutions.count)
    // Every node reads what there is.
    var known = Set(file.graph.tensors.map(\.name) + file.graph.inputs.map(\.name))
    for node in file.graph.nodes {
      #expect(Set(node.inputs).isSubset(of: known), "\(node.title)")
      known.formUnion(node.outputs)
    }
    #expect(known.contains("embeddings"))
  }
}
