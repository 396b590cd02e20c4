internal import Datasets
package import Interchange

extension CommandFiles {
  /// Notes that photos are read from `data`, by the option of that name; nothing of drawn faces.
  package mutating func readData(_ data: DataSource?, as option: String) {
    if case .folder(let path) = data { readData(path, as: option) }
  }

  /// Notes all that a run by `configuration` reads.
  package mutating func read(_ configuration: RunConfiguration) {
    func flag(_ member: PartialKeyPath<RunConfiguration>) -> String {
      "--" + ConfigurationOption.of(member).name
    }
    readData(configuration.data, as: flag(\.data))
    if case .people(let path) = configuration.split { read(path, as: flag(\.split)) }
    read(configuration.landmarks, as: flag(\.landmarks))
    read(configuration.initialWeights, as: flag(\.initialWeights))
    read(configuration.teacher, as: flag(\.teacher))
    if let teacher = configuration.teacher, teacher.lowercased().hasSuffix(".npy") {
      // The names of its rows.
      read(teacher.dropLast(4) + ".txt", as: flag(\.teacher))
    }
    read(configuration.compatibleWith, as: flag(\.compatibleWith))
    for path in configuration.pairs { read(path, as: flag(\.pairs)) }
    if case .path(let path) = configuration.resume { read(path, as: flag(\.resume)) }
  }
}
