internal import Checkpoints
package import Configuration
internal import Datasets
internal import Interchange
internal import Networks
internal import State

/// What `ddp-train export` is asked.
package struct ExportRequest: Sendable, Equatable {
  /// The format of weights for other programs.
  package enum Format: String, Sendable, CaseIterable {
    /// Tensors by the names of the network's published definition.
    case safetensors
    /// The same as NumPy arrays.
    case npz
    /// The network itself, for inference.
    case onnx
  }

  /// A checkpoint file, or a run folder (its newest good one).
  package var checkpoint: String
  /// The format to write.
  package var format: Format
  /// The file to write.
  package var out: String
  /// The order of colours that the written network is to read.
  package var channels = ChannelOrder.rgb
  /// ONNX: the network takes bytes as floats, 0 to 255, and normalises them itself.
  package var normalizesInside = false
  /// ONNX: batch norms are folded into the convolutions before them.
  package var foldsBatchNorm = false
  /// Which weights of the checkpoint are written.
  package var weights = WeightsKind.raw

  package init(checkpoint: String, format: Format, out: String) {
    self.checkpoint = checkpoint
    self.format = format
    self.out = out
  }
}

extension ExportRequest {
  /// Throws `InterchangeError.unwritable` where `out` ends as files of another format do.
  private func requireEnding() throws {
    let endings: Set = ["safetensors", "npz", "npy", "onnx", "pt", "pth", "pkl", "bin", "csv"]
    let name = out.split(separator: "/").last ?? ""
    guard let dot = name.lastIndex(of: "."),
      case let ending = name[name.index(after: dot)...].lowercased(), endings.contains(ending),
      ending != format.rawValue
    else { return }
    throw InterchangeError.unwritable(
      path: out, reason: "--to \(format.rawValue) writes what is called .\(format.rawValue)")
  }

  /// Writes a checkpoint's network for other programs and says what was written; throws what is
  /// wrong with the checkpoint, or `InterchangeError`.
  package func run() throws -> [String] {
    try CommandFiles.check { files in
      files.read(self.checkpoint, as: "CHECKPOINT")
      files.write(out, as: "--out")
    }
    try requireEnding()
    let (checkpoint, refused) = try CheckpointStore.open(checkpoint, needsHead: false)
    let weights = try NetworkWeights(checkpoint, of: self.weights)
    if channels == .bgr { weights.reverseChannels() }
    let configuration = weights.configuration
    var metadata = InputContract.metadata(
      of: configuration, embedding: weights.network.embeddingCount, channels: channels)
    let updates = Int64(checkpoint.progress.updates)
    switch format {
    case .safetensors:
      metadata["format"] = "pt"
      try SafetensorsFile.write(
        tensors: weights.stateDictionary(updates: updates), metadata: metadata, checksums: false,
        to: out)
    case .npz:
      try NumPyArchive.write(
        weights.stateDictionary(updates: updates).map { NumPyMember($0) }
          + [NumPyMember(metadata: metadata)], to: out)
    case .onnx:
      try ONNXExport.model(
        of: weights, channels: channels,
        normalization: normalizesInside ? configuration.normalize : nil,
        foldsBatchNorm: foldsBatchNorm, metadata: metadata
      ).write(to: out)
    }
    let input =
      normalizesInside
      ? "0 to 255" : "normalize \(configuration.normalize.rawValue)"
    return refused.map { "refused: \($0)" } + [
      "\(configuration.model.name) after step \(checkpoint.progress.step)"
        + "\(self.weights == .ema ? ", the average of its weights," : "") in \(out)",
      "images: [N, 3, \(weights.network.image.shape.height), "
        + "\(weights.network.image.shape.width)], \(channels.rawValue), \(input); "
        + "embeddings: [N, \(weights.network.embeddingCount)], not of length 1",
    ]
  }
}

extension NetworkWeights {
  /// All that the published definition's state dict has, so that it loads strictly: parameters,
  /// running moments, the counts of batches (`updates`), and scales that are fixed at 1.
  func stateDictionary(updates: Int64) -> [SafetensorsTensor] {
    var tensors = network.parameters.map { description in
      SafetensorsTensor(name: description.name, type: .float32, shape: description.shape) { lend in
        try self.values(of: description).withUnsafeBytes(lend)
      }
    }
    for entry in network.statistics {
      tensors += [
        SafetensorsTensor(
          name: entry.name + ".running_mean", shape: [entry.channels], floats: means(of: entry)),
        SafetensorsTensor(
          name: entry.name + ".running_var", shape: [entry.channels], floats: variances(of: entry)),
        SafetensorsTensor(
          name: entry.name + ".num_batches_tracked", shape: [], integers: [updates]),
      ]
    }
    for entry in fixedScales {
      tensors.append(
        SafetensorsTensor(
          name: entry.name + ".weight", shape: [entry.channels],
          floats: Array(repeating: 1, count: entry.channels)))
    }
    return tensors
  }
}
