package import Datasets
internal import Threads

/// What `ddp-train synthesize` is asked.
package struct SynthesizeRequest: Sendable, Equatable {
  /// The image folder to write, `OUT/person/photo.jpg`.
  package var out: String
  /// How many people and photos, and their size.
  package var faces: SyntheticData
  /// What the people are a function of.
  package var seed: UInt64

  /// Draws `faces` into the folder `out`.
  package init(out: String, faces: SyntheticData, seed: UInt64) {
    self.out = out
    self.faces = faces
    self.seed = seed
  }
}

extension SynthesizeRequest {
  /// Draws people into an image folder; returns what to say.
  package func run() throws -> [String] {
    let drawn = SyntheticFaces(
      people: faces.people, photosPerPerson: faces.photos,
      size: faces.size, seed: seed)
    let out = out
    try ToolWork.run("drawing people") { meter in
      meter.expect(drawn.count)
      try drawn.writeFolder(to: out) { _ in meter.add(drawn.photosPerPerson) }
    }
    return ["\(drawn.count) photos of \(faces.people) people in \(out)"]
  }
}
