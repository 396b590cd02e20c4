import Datasets
import Determinism
import Testing

/// All that happens to a photo before the network, bit for bit as it was when this was written, on
/// whatever processor and with whatever libjpeg this runs.
@Suite struct PixelBitsTests {
  private let faces = SyntheticFaces(people: 8, photosPerPerson: 6, size: 72, seed: 14)

  private var places: [(person: Int, photo: Int)] {
    (0..<faces.count).map { ($0 / faces.photosPerPerson, $0 % faces.photosPerPerson) }
  }

  @Test func drawnFaces() {
    let hash = places.reduce(UInt64(0)) { hash, place in
      faces.photo(person: place.person, photo: place.photo).bytes.withUnsafeBytes {
        Hash64.of($0, seed: hash)
      }
    }
    #expect(Hash64.text(hash) == "2c19a09fd3211253")
  }

  @Test func encodedFaces() {
    let hash = places.reduce(UInt64(0)) { hash, place in
      faces.jpeg(person: place.person, photo: place.photo).withUnsafeBytes {
        Hash64.of($0, seed: hash)
      }
    }
    #expect(Hash64.text(hash) == "4ceb540b99ee4828")
  }

  @Test func thePhotoThatTheProgramBringsAlong() {
    #expect(Hash64.text(JPEGProbe.hash) == "c03396f04a28e771")
  }

  /// Decoding, resizing, cropping and every augmentation.
  @Test func augmentedSamples() throws {
    let augmentation = try Augmentation(
      parsing: "flip:0.5,shift:0.1,scale:0.3,color:0.4,blur:0.5,erase:0.5")
    var hash: UInt64 = 0
    for (size, resize) in [(32, nil), (56, 80), (112, nil), (40, 120)] as [(ImageSize, Int?)] {
      let pipeline = SamplePipeline(
        Preprocessing(framing: try Framing(imageSize: size, resize: resize, crop: nil)))
      for (slot, place) in places.enumerated() {
        let file = faces.jpeg(person: place.person, photo: place.photo)
        let drawn = augmentation.draw(seed: 5, at: SampleCoordinates(step: 3, slot: slot))
        let pixels = try file.withUnsafeBytes {
          try pipeline.pixels($0, photo: 0, drawn: drawn).bytes
        }
        hash = pixels.withUnsafeBytes { Hash64.of($0, seed: hash) }
      }
    }
    #expect(Hash64.text(hash) == "b2a856ac21252697")
  }
}
