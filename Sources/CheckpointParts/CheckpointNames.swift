/// What files of checkpoints, and what is in them, are called.
package enum CheckpointNames {
  /// The key of the metadata that says that a file is of a checkpoint.
  package static let formatKey = "ddp-train"
  /// What the names of the vectors beside the parameters begin with.
  package static let optimizerPrefix = "optimizer."

  /// The name of the file of `step` steps, such as `step-000000042.safetensors`.
  package static func file(step: Int) -> String { stem(step: step) + ".safetensors" }

  /// The same without its ending.
  static func stem(step: Int) -> String {
    let digits = String(step)
    return "step-" + String(repeating: "0", count: max(0, 9 - digits.count)) + digits
  }
}
