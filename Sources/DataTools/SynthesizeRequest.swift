package import Configuration
internal import Datasets

/// What `ddp-train synthesize` is asked.
package struct SynthesizeRequest: Sendable, Equatable {
  /// The image folder to write, `OUT/person/photo.jpg`.
  package var out: String
  package var faces: SyntheticData
  package var seed: UInt64

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
    try drawn.writeFolder(to: out)
    return ["\(drawn.count) photos of \(faces.people) people in \(out)"]
  }
}
