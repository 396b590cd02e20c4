package import Configuration
internal import Interchange

/// The changes of a run as its checkpoints keep them: a line each, of step, name, old and new value
/// with tabs between.
extension ConfigurationChange {
  /// The key of the metadata.
  package static let metadataKey = "changes"

  /// `changes` as text.
  package static func text(of changes: [ConfigurationChange]) -> String {
    changes.map { "\($0.step)\t\($0.name)\t\($0.old)\t\($0.new)" }.joined(separator: "\n")
  }

  /// The changes that `text` tells of; lines of another form are none.
  package static func changes(in text: String) -> [ConfigurationChange] {
    text.split(separator: "\n").compactMap { line in
      let parts = line.split(separator: "\t", omittingEmptySubsequences: false)
      guard parts.count == 4, let step = Int(parts[0]) else { return nil }
      return ConfigurationChange(
        step: step, name: String(parts[1]), old: String(parts[2]), new: String(parts[3]))
    }
  }
}

extension Checkpoint {
  /// What the run has done otherwise since some step of its own.
  package var changes: [ConfigurationChange] {
    file.metadata[ConfigurationChange.metadataKey].map(ConfigurationChange.changes) ?? []
  }
}
