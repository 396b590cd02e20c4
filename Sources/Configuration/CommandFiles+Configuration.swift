internal import Datasets
package import Interchange

extension CommandFiles {
  /// Notes that photos are read from `data`, by the option of that name; nothing of drawn faces.
  package mutating func readData(_ data: DataSource?, as option: String) {
    if case .folder(let path) = data { readData(path, as: option) }
  }

  /// Notes all that a run by `configuration` reads.
  package mutating func read(_ configuration: RunConfiguration) {
    readData(configuration.data, as: "--data")
    for file in configuration.filesRead { read(file.path, as: "--" + file.option) }
    if let teacher = configuration.teacher, teacher.lowercased().hasSuffix(".npy") {
      // The names of its rows.
      read(
        teacher.dropLast(4) + ".txt",
        as: "--" + ConfigurationOption.of(\RunConfiguration.teacher).name)
    }
  }
}
