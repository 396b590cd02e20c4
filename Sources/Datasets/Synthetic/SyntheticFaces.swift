internal import Determinism
private import Preconditions

/// People drawn by the program itself: every photo is a function of (seed, person, photo).
///
/// A person has a face (outline, skin, eyes, brows, nose, mouth, hair, marks, glasses, beard);
/// a photo adds pose, expression, light, occlusion, background, blur, noise and JPEG quality.
package struct SyntheticFaces: Sendable {
  /// How many people there are.
  package let people: Int
  /// Photos of each of them.
  package let photosPerPerson: Int
  /// The side of a photo, in pixels.
  package let size: Int
  /// What every face is a function of.
  package let seed: UInt64

  package init(people: Int, photosPerPerson: Int, size: Int, seed: UInt64) {
    require(
      people > 0 && photosPerPerson > 0,
      "SyntheticFaces: \(people) people with \(photosPerPerson) photos each are no data set")
    require(
      (16...4096).contains(size), "SyntheticFaces: a side of \(size) pixels is not 16...4096")
    self.people = people
    self.photosPerPerson = photosPerPerson
    self.size = size
    self.seed = seed
  }

  /// The number of photos of all people.
  package var count: Int { people * photosPerPerson }

  /// The folder of a person, numbered from 0 here and from 1 in the name: `person_0001`.
  package func personName(_ person: Int) -> String { "person_" + Self.digits(person + 1) }

  /// The path of a photo in an image folder: `person_0001/person_0001_0001.jpg`.
  package func path(person: Int, photo: Int) -> String {
    let name = personName(person)
    return "\(name)/\(name)_\(Self.digits(photo + 1)).jpg"
  }

  /// The pixels [size, size, 3] of a photo before JPEG.
  package func photo(person: Int, photo: Int) -> PixelBuffer {
    let pixels = PixelBuffer(width: size, height: size)
    SyntheticArtist(self).draw(person: person, photo: photo, into: pixels.pixels)
    return pixels
  }

  /// A photo as a JPEG file; who needs many keeps a `SyntheticArtist`.
  package func jpeg(person: Int, photo: Int) -> [UInt8] {
    SyntheticArtist(self).jpeg(person: person, photo: photo)
  }

  private static func digits(_ number: Int) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, 4 - text.count)) + text
  }
}

/// Draws photos of `SyntheticFaces` one after another; keeps its buffers, serves one thread.
package final class SyntheticArtist {
  private let faces: SyntheticFaces
  private let canvas: FaceCanvas
  private let encoder = JPEGEncoder()
  private let pixels: PixelBuffer
  private var known: (person: Int, identity: FaceIdentity, texture: FaceLattice)?

  package init(_ faces: SyntheticFaces) {
    self.faces = faces
    canvas = FaceCanvas(size: faces.size)
    pixels = PixelBuffer(width: faces.size, height: faces.size)
  }

  /// Draws a photo into `pixels` [size, size, 3].
  package func draw(person: Int, photo: Int, into pixels: UnsafeMutablePointer<UInt8>) {
    _ = paint(person: person, photo: photo, into: pixels)
  }

  /// Draws a photo and encodes it at the JPEG quality of its conditions.
  package func jpeg(person: Int, photo: Int) -> [UInt8] {
    let conditions = paint(person: person, photo: photo, into: pixels.pixels)
    return encoder.encode(
      pixels.pixels, width: faces.size, height: faces.size, quality: conditions.jpegQuality)
  }

  private func paint(
    person: Int, photo: Int, into pixels: UnsafeMutablePointer<UInt8>
  ) -> FaceConditions {
    require(
      (0..<faces.people).contains(person) && (0..<faces.photosPerPerson).contains(photo),
      """
      SyntheticArtist: photo \(photo) of person \(person) is not among \
      \(faces.people) x \(faces.photosPerPerson)
      """)
    let (identity, texture) = meet(person)
    let conditions = FaceConditions(stream(2, person, photo), wearer: identity.glasses.areWorn)
    let painter = FacePainter(
      person: identity, photo: conditions, texture: texture,
      clutter: FaceLattice(stream(3, person, photo)), canvas: canvas)
    painter.paint(noise: stream(4, person, photo), into: pixels)
    return conditions
  }

  private func meet(_ person: Int) -> (FaceIdentity, FaceLattice) {
    if let known, known.person == person { return (known.identity, known.texture) }
    let identity = FaceIdentity(stream(0, person, 0))
    let texture = FaceLattice(stream(1, person, 0))
    known = (person, identity, texture)
    return (identity, texture)
  }

  private func stream(_ part: Int, _ person: Int, _ photo: Int) -> CounterRandom {
    CounterRandom(seed: faces.seed, purpose: .synthesis, part, person, photo)
  }
}
