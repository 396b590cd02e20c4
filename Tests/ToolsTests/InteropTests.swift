import Checkpoints
import Collectives
import Configuration
import Datasets
import EmbeddingFiles
import Evaluation
import Foundation
import Interchange
import Interop
import Measuring
import Networks
import Planning
import RunSupport
import TestSupport
import Testing
import Training

/// Weights out and in again, and on from there. Other programs' readers: scripts/test-interop.
@Suite struct InteropTests {
  private final class Folder {
    let path = SmallRun.temporaryFolder()
    init() throws {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
    deinit { try? FileManager.default.removeItem(atPath: path) }
    func file(_ name: String) -> String { path + "/" + name }
  }

  private let folder: Folder
  private var run: String { folder.file("run") }

  init() throws { folder = try Folder() }

  /// A run whose running moments and slopes have moved.
  private func train(_ model: String = "iresnet10") throws {
    _ = try SmallRun.train(SmallRun.configuration(model: model), folder: run)
  }

  private func embeddings(_ checkpoint: String) throws -> [Float] {
    var request = EmbedRequest(
      checkpoint: checkpoint, data: .synthetic(SyntheticData(people: 3, photos: 2, size: 32)),
      out: folder.file("e.npz"), quiet: true)
    request.flipTest = false
    try request.run(over: SoloCommunicator())
    return try NumPyArchive(path: folder.file("e.npz")).elements(of: "embeddings")
  }

  private func export(_ format: ExportRequest.Format, _ name: String) throws -> String {
    let request = ExportRequest(checkpoint: run, format: format, out: folder.file(name))
    _ = try request.run()
    return request.out
  }

  @Test func aFileIsNotCalledAsAnotherFormat() throws {
    try train()
    for (format, name) in [
      (ExportRequest.Format.npz, "w.pt"), (.onnx, "w.safetensors"), (.safetensors, "w.ONNX"),
    ] {
      #expect(throws: InterchangeError.self) { try export(format, name) }
      #expect(!FileManager.default.fileExists(atPath: folder.file(name)))
    }
    _ = try export(.npz, "weights.v1")
  }

  private func bring(
    _ file: String, _ options: [(String, String)] = [], channels: ChannelOrder? = nil
  ) throws -> String {
    let out = folder.file("imported.safetensors")
    _ = try ImportRequest(
      file: file, out: out,
      options: options.map { ConfigurationAssignment.flag($0.0, $0.1) }, channels: channels
    ).run()
    return out
  }

  @Test(arguments: ["iresnet10", "mobilefacenet"], [ExportRequest.Format.safetensors, .npz])
  func whatGoesOutComesInAgain(model: String, format: ExportRequest.Format) throws {
    try train(model)
    let expected = try embeddings(run)
    let file = try export(format, "weights")
    // Nothing needs to be said: the file knows its network and what it was fed.
    let again = try embeddings(try bring(file))
    // Other microbatches round the dense layer otherwise.
    #expect(worstError(again, doubles(expected)) < 1e-5)
    let receipt = try Checkpoint(path: folder.file("imported.safetensors"))
    for name in receipt.file.names {
      #expect(
        try receipt.file.floats(name)
          == Checkpoint(path: run + "/checkpoints/step-000000010.safetensors").file.floats(name))
    }
    #expect(throws: InteropError.self) { try bring(file, [("normalize", "unit")]) }
    #expect(throws: InteropError.self) { try bring(file, channels: .bgr) }
    #expect(throws: InteropError.self) { try bring(file, [("model", "resnet18")]) }
    #expect(throws: InteropError.self) {
      try bring(run + "/checkpoints/step-000000010.safetensors")
    }
  }

  @Test func aDeeperNetworkIsNotTakenForAShallowerOne() throws {
    try train("iresnet18")
    let file = try SafetensorsFile(path: try export(.safetensors, "weights"))
    let mute = folder.file("mute.safetensors")
    try SafetensorsFile.write(
      tensors: try file.names.map {
        SafetensorsTensor(
          name: "module." + $0, shape: file.shape(of: $0)!, floats: try file.elements(of: $0))
      }, checksums: false, to: mute)
    let options = [("width", "0.125"), ("image-size", "32"), ("normalize", "half")]
    let error = #expect(throws: InteropError.self) {
      try bring(mute, [("model", "iresnet10")] + options, channels: .rgb)
    }
    #expect("\(error!)".contains("module.layer1.1.") && "\(error!)".contains("check --model"))
    _ = try bring(mute, [("model", "iresnet18")] + options, channels: .rgb)
  }

  @Test func strictReadersFindWhatTheyExpect() throws {
    try train()
    let file = try SafetensorsFile(path: try export(.safetensors, "weights"))
    #expect(try file.integers("layer1.0.bn1.num_batches_tracked") == [10])
    #expect(file.entry(named: "layer1.0.bn1.num_batches_tracked")?.shape == [])
    #expect(try file.floats("features.weight").allSatisfy { $0 == 1 })
    #expect(!file.names.contains { $0.hasPrefix("head.") || $0.hasPrefix("optimizer.") })
    #expect(file.metadata["format"] == "pt")
    #expect(file.metadata["ddp-train.normalize"] == "half")
    #expect(file.metadata["ddp-train.channels"] == "rgb")
    #expect(file.metadata["ddp-train"] == nil)
  }

  /// Weights that say nothing of their images are not taken without a word from the user.
  @Test func silenceAboutTheInputIsAnError() throws {
    try train()
    let file = try SafetensorsFile(path: try export(.safetensors, "weights"))
    let mute = folder.file("mute.safetensors")
    let tensors = try file.names.map { name in
      SafetensorsTensor(
        name: "module." + name, shape: file.shape(of: name)!, floats: try file.elements(of: name))
    }
    try SafetensorsFile.write(tensors: tensors, checksums: false, to: mute)
    let network = [("model", "iresnet10"), ("width", "0.125"), ("image-size", "32")]
    for (options, channels) in [
      (network, ChannelOrder?.none), (network + [("normalize", "half")], nil), (network, .rgb),
    ] {
      #expect(throws: InteropError.unknownInput(path: mute)) {
        try bring(mute, options, channels: channels)
      }
    }
    let imported = try bring(mute, network + [("normalize", "half")], channels: .rgb)
    #expect(worstError(try embeddings(imported), doubles(try embeddings(run))) < 1e-5)
    // The length of the embedding is that of the file; other sizes are named.
    let error = #expect(throws: InteropError.self) {
      try bring(
        mute, [("model", "iresnet10"), ("width", "0.125"), ("normalize", "half")], channels: .rgb)
    }
    #expect("\(error!)".contains("fc.weight"))
    try SafetensorsFile.write(
      tensors: tensors.filter { $0.name != "module.layer2.0.conv1.weight" }, checksums: false,
      to: mute)
    let other = #expect(throws: InteropError.self) {
      try bring(mute, network + [("normalize", "half")], channels: .rgb)
    }
    #expect("\(other!)".contains("layer2.0.conv1.weight"))
  }

  /// BGR weights read BGR images as RGB weights read RGB ones.
  @Test func coloursAreTurnedRoundOnceEach() throws {
    try train()
    var request = ExportRequest(checkpoint: run, format: .safetensors, out: folder.file("bgr"))
    request.channels = .bgr
    _ = try request.run()
    let rgb = try SafetensorsFile(path: try export(.safetensors, "rgb"))
    let bgr = try SafetensorsFile(path: request.out)
    let (a, b) = (try rgb.floats("conv1.weight"), try bgr.floats("conv1.weight"))
    for filter in 0..<a.count / 27 {
      for channel in 0..<3 {
        #expect(
          a[filter * 27 + channel * 9..<filter * 27 + channel * 9 + 9]
            == b[filter * 27 + (2 - channel) * 9..<filter * 27 + (2 - channel) * 9 + 9])
      }
    }
    #expect(try rgb.floats("fc.weight") == bgr.floats("fc.weight"))
    #expect(
      worstError(try embeddings(try bring(request.out)), doubles(try embeddings(run))) < 1e-5)
  }

  @Test func fineTuningStartsFromTheNetworkAndReplacesTheHead() throws {
    try train()
    let imported = try bring(try export(.safetensors, "weights"))
    func tuning(_ change: (inout RunConfiguration) -> Void = { _ in }) -> RunConfiguration {
      SmallRun.configuration(model: "iresnet10") {
        // Other people than before: the head cannot be kept.
        $0.data = .synthetic(SyntheticData(people: 7, photos: 6, size: 32))
        $0.initialWeights = imported
        $0.length = .steps(2)
        change(&$0)
      }
    }
    let names = ["conv1.weight", "layer4.0.bn3.running_var", "fc.bias"]
    let written = try SafetensorsFile(path: imported)
    let expected = try names.map { try written.floats($0) }
    let untouched = try SmallRun.train(
      tuning {
        $0.learningRate = 1e-30
        $0.weightDecay = 0
        $0.length = .steps(1)
        $0.warmupEpochs = 0
      }, folder: folder.file("untouched"))
    #expect(untouched[0].ending == .finished)
    let start = try SafetensorsFile(
      path: folder.file("untouched/checkpoints/step-000000001.safetensors"))
    #expect(try start.floats("conv1.weight") == expected[0])
    #expect(try start.floats("fc.bias") == expected[2])
    #expect(start.shape(of: "head.weight") == [7, 32])

    let one = try SmallRun.train(tuning())
    let three = try SmallRun.train(tuning(), ranks: 3)
    #expect(one[0].weights == three[0].weights && three[0].weights == three[2].weights)
    #expect(one[0].weights != (try SmallRun.train(tuning { $0.initialWeights = nil }))[0].weights)

    for (change, word) in [
      ({ (c: inout RunConfiguration) in c.normalize = .unit }, "normalize was half, is unit"),
      ({ (c: inout RunConfiguration) in c.embedding = 16 }, "embedding was 32, is 16"),
      (
        { (c: inout RunConfiguration) in c.model = Models.model(named: "iresnet18")! },
        "model was iresnet10"
      ),
    ] {
      let error = #expect(throws: TrainingFailure.self) {
        try SmallRun.train(tuning(change), folder: folder.file("refused"))
      }
      #expect("\(String(describing: error))".contains(word))
      // Nothing is left behind that would be in the way of the next try.
      #expect(!FileManager.default.fileExists(atPath: folder.file("refused/config.yaml")))
    }
  }

  /// Every model becomes a graph, folded or not.
  @Test func everyModelIsWrittenAsONNX() throws {
    for model in ["iresnet10", "aix-resnet18", "mobilefacenet", "nns2", "nn4"] {
      let checkpoint = folder.file("\(model).safetensors")
      var configuration = SmallRun.configuration(model: model)
      configuration.imageSize = 48
      configuration.length = .steps(1)
      // The first gradients of a deep network under a scaled loss may leave the grid.
      (configuration.loss, configuration.scale, configuration.margin) = (.softmax, 1, [])
      _ = try SmallRun.train(configuration, folder: folder.file(model))
      for folds in [false, true] {
        var request = ExportRequest(
          checkpoint: folder.file(model), format: .onnx, out: checkpoint + ".onnx")
        request.foldsBatchNorm = folds
        request.normalizesInside = folds
        let lines = try request.run()
        #expect(lines.last!.contains(folds ? "0 to 255" : "normalize half"))
        let text = String(
          decoding: try Data(contentsOf: URL(fileURLWithPath: request.out)), as: Unicode.ASCII.self)
        #expect(text.contains("Conv_0") && text.contains("embeddings"))
        #expect(text.contains("Sub_0") == folds)
        if model == "aix-resnet18" {
          // Only the one before the dense layer has no product before it.
          #expect(text.contains("BatchNormalization_1") == !folds)
        }
      }
    }
  }

  /// Both new networks learn what a few steps can teach.
  @Test(arguments: [("mobilefacenet", 32, 0.25), ("inception-resnet-v1", 80, 0.125)])
  func newNetworksTrain(model: String, imageSize: Int, width: Double) throws {
    let configuration = SmallRun.configuration(model: model) {
      $0.data = .synthetic(SyntheticData(people: 4, photos: 6, size: imageSize))
      $0.imageSize = ImageSize(side: imageSize)
      $0.width = width
      $0.dropout = 0
      $0.loss = .softmax
      $0.scale = 1
      $0.margin = []
      $0.batch = 24
      $0.microbatch = 8
      $0.augment = .none
      $0.learningRate = 0.05
      $0.warmupEpochs = 0
      $0.length = .steps(30)
    }
    let outcome = try SmallRun.train(configuration, threads: 2)[0]
    let losses = outcome.records.map(\.loss)
    #expect(losses[0] > 1)
    #expect(losses.suffix(3).reduce(0, +) / 3 < 0.5 * losses[0], "\(losses)")
    #expect(outcome.weights == (try SmallRun.train(configuration, ranks: 2))[0].weights)
  }

  @Test func embeddingsAreStoredInEveryForm() throws {
    try train()
    var figures: [[Float]] = []
    for form in EmbeddingFile.allCases {
      for numbers in StoredNumbers.allCases {
        let out = folder.file("faces.\(form.rawValue)")
        var request = EmbedRequest(
          checkpoint: run, data: .synthetic(SyntheticData(people: 3, photos: 2, size: 32)),
          out: out, quiet: true)
        request.numbers = numbers
        try request.run(over: SoloCommunicator())
        let values: [Float]
        let names: [String]
        switch form {
        case .npy:
          values = try NumPyFile.read(out).values
          names = try String(contentsOfFile: folder.file("faces.txt"), encoding: .utf8)
            .split(separator: "\n").map(String.init)
        case .npz:
          let archive = try NumPyArchive(path: out)
          values = try archive.elements(of: "embeddings")
          names = try archive.strings(of: "names")
        case .csv:
          let table = try CSVTable(path: out)
          (values, names) = (table.values, table.names)
        }
        #expect(names.count == 6 && values.count == 6 * 32)
        #expect(names == names.sorted())
        figures.append(values)
      }
    }
    for one in 0..<3 {
      #expect(figures[one] == figures[one + 3] && figures[one] == figures[one + 6])
    }
    #expect(figures[1] == figures[0].map { Float(Float16($0)) } && figures[1] != figures[0])
    #expect(figures[2].contains { abs($0) == 127 })
    #expect(EmbeddingFile(path: "a/b.c") == nil && EmbeddingFile(path: ".npz") == nil)
  }

  @Test func whatHalvesCannotSayIsNotWritten() {
    let far = Embeddings([1, 70_000, -3, 65_504], dimension: 2)
    for form in EmbeddingFile.allCases {
      let path = folder.file("far.\(form.rawValue)")
      let error = #expect(throws: EmbeddingFileError.self) {
        try form.write(far, names: ["a", "b"], in: .float16, to: path)
      }
      #expect(error?.description.hasPrefix("1 numbers of the embeddings are beyond 65504") == true)
      #expect(!FileManager.default.fileExists(atPath: path))
    }
  }
}
