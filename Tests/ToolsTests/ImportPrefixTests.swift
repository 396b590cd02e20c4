import Configuration
import Foundation
import Interchange
import Interop
import RunSupport
import Testing
import Training

/// Files with more than one network in them.
@Suite struct ImportPrefixTests {
  private let folder = SmallRun.temporaryFolder()

  /// The tensors of a small run, by their names.
  private func trained() throws -> [(name: String, shape: [Int], values: [Float])] {
    _ = try SmallRun.train(SmallRun.configuration(model: "iresnet10"), folder: folder + "/run")
    let request = ExportRequest(
      checkpoint: folder + "/run", format: .safetensors, out: folder + "/own")
    _ = try request.run()
    let file = try SafetensorsFile(path: request.out)
    return try file.names.map { ($0, file.shape(of: $0)!, try file.elements(of: $0)) }
  }

  private func write(
    _ tensors: [(name: String, shape: [Int], values: [Float])], to name: String
  ) throws -> String {
    let path = folder + "/" + name
    try SafetensorsFile.write(
      tensors: tensors.map { SafetensorsTensor(name: $0.name, shape: $0.shape, floats: $0.values) },
      checksums: false, to: path)
    return path
  }

  private func bring(_ file: String, prefix: String? = nil) throws -> (
    lines: [String], first: Float
  ) {
    var request = ImportRequest(
      file: file, out: folder + "/out.safetensors",
      options: [
        ("model", "iresnet10"), ("width", "0.125"), ("image-size", "32"), ("normalize", "half"),
      ].map { ConfigurationAssignment.flag($0.0, $0.1) }, channels: .rgb)
    request.prefix = prefix
    let lines = try request.run()
    return (lines, try SafetensorsFile(path: request.out).floats("conv1.weight")[0])
  }

  /// Whole numbers in the place of weights are those of a quantised network.
  @Test func weightsOfWholeNumbersAreRefused() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = folder + "/quantised"
    try SafetensorsFile.write(
      tensors: try trained().map { tensor in
        guard tensor.name == "conv1.weight" else {
          return SafetensorsTensor(name: tensor.name, shape: tensor.shape, floats: tensor.values)
        }
        let bytes = tensor.values.map { Int8(max(-127, min(127, ($0 * 100).rounded()))) }
        return SafetensorsTensor(name: tensor.name, type: .int8, shape: tensor.shape) {
          try bytes.withUnsafeBytes($0)
        }
      }, checksums: false, to: path)
    let error = try #require(#expect(throws: InteropError.self) { try bring(path) })
    #expect(error == .noFloats(path: path, tensor: "conv1.weight"))
  }

  @Test func twoNetworksNeedAWord() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let own = try trained()
    let fixed = "features.weight"
    func named(_ prefix: String, plus: Float) -> [(name: String, shape: [Int], values: [Float])] {
      own.map { tensor in
        let isWhole = tensor.name.hasSuffix("num_batches_tracked") || tensor.name == fixed
        return (prefix + tensor.name, tensor.shape, tensor.values.map { isWhole ? $0 : $0 + plus })
      }
    }
    let first = try #require(own.first { $0.name == "conv1.weight" }).values[0]
    let file = try write(
      named("module.encoder_q.", plus: 0) + named("module.encoder_k.", plus: 1), to: "moco")
    let error = #expect(throws: InteropError.self) { try bring(file) }
    #expect(
      "\(error!)".hasSuffix(
        "holds 2 networks with these names, under 'module.encoder_k.', 'module.encoder_q.'; say with "
          + "--prefix which one to take"))
    for prefix in ["module.encoder_q", "module.encoder_q.", "encoder_q", "encoder_q."] {
      let found = try bring(file, prefix: prefix)
      #expect(found.first == first)
      #expect(found.lines.contains("taken: the tensors under 'module.encoder_q.'"))
    }
    #expect(try bring(file, prefix: "encoder_k").first == first + 1)
    for prefix in ["encoder", "module", "q", ""] {
      let other = #expect(throws: InteropError.self) { try bring(file, prefix: prefix) }
      #expect("\(other!)".contains("'module.encoder_q.'"), "\(other!)")
    }
    // Without a prefix, and under one: both fit, too.
    let mixed = try write(named("", plus: 0) + named("ema.", plus: 2), to: "mixed")
    #expect(throws: InteropError.self) { try bring(mixed) }
    #expect(try bring(mixed, prefix: "").first == first)
    #expect(try bring(mixed, prefix: "ema").first == first + 2)
  }

  @Test func copiesAndOtherNetworksAreNoQuestion() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let own = try trained()
    let copy = own.map { ("ema." + $0.name, $0.shape, $0.values) }
    let twice = try write(own.map { ("model." + $0.name, $0.shape, $0.values) } + copy, to: "twice")
    #expect(try bring(twice).lines.contains("taken: the tensors under 'ema.'"))
    // The names of another network whose convolutions have other shapes.
    let wide = own.map { tensor -> (String, [Int], [Float]) in
      let shape =
        tensor.shape.count == 4 ? [tensor.shape[0] + 1] + tensor.shape[1...] : tensor.shape
      return ("a." + tensor.name, shape, [Float](repeating: 1, count: shape.reduce(1, *)))
    }
    let other = try write(wide + own.map { ("student." + $0.name, $0.shape, $0.values) }, to: "two")
    let found = try bring(other)
    #expect(found.lines.contains("taken: the tensors under 'student.'"))
    #expect(found.first == own.first { $0.name == "conv1.weight" }?.values[0])
    #expect(try !bring(try write(own, to: "plain")).lines.contains { $0.hasPrefix("taken") })
  }
}
