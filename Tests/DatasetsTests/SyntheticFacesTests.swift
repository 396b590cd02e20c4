import Datasets
import Determinism
import Foundation
import Interchange
import Testing

struct SyntheticFacesTests {
  static let side = 64
  static let faces = SyntheticFaces(people: 24, photosPerPerson: 6, size: side, seed: 7)

  /// The grey levels of a photo in 0...255 on a grid of 16 x 16 cells, each the mean of its pixels.
  private static func thumbnail(_ image: PixelBuffer) -> [Double] {
    let cell = image.width / 16
    var sums = [Double](repeating: 0, count: 256)
    for y in 0..<16 * cell {
      for x in 0..<16 * cell {
        let pixel = image.pixels + 3 * (y * image.width + x)
        sums[y / cell * 16 + x / cell] += Double(pixel[0]) + Double(pixel[1]) + Double(pixel[2])
      }
    }
    return sums.map { $0 / Double(3 * cell * cell) }
  }

  private static func luma(_ pixel: UnsafePointer<UInt8>) -> Double {
    0.299 * Double(pixel[0]) + 0.587 * Double(pixel[1]) + 0.114 * Double(pixel[2])
  }

  private static func distance(_ a: [Double], _ b: [Double]) -> Double {
    zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
  }

  @Test func aPhotoIsAFunctionOfSeedPersonAndPhoto() {
    let again = SyntheticFaces(people: 24, photosPerPerson: 6, size: Self.side, seed: 7)
    let artist = SyntheticArtist(Self.faces)
    // One artist that has drawn others, and a new one for each photo, agree byte for byte.
    for (person, photo) in [(0, 0), (5, 3), (0, 1), (23, 5), (5, 3)] {
      #expect(artist.jpeg(person: person, photo: photo) == again.jpeg(person: person, photo: photo))
    }
    // The number of people and photos has no part in it.
    let larger = SyntheticFaces(people: 5000, photosPerPerson: 100, size: Self.side, seed: 7)
    #expect(larger.jpeg(person: 5, photo: 3) == Self.faces.jpeg(person: 5, photo: 3))
  }

  @Test func seedPersonAndPhotoEachChangeThePhoto() {
    let other = SyntheticFaces(people: 24, photosPerPerson: 6, size: Self.side, seed: 8)
    let photo = Self.thumbnail(Self.faces.photo(person: 2, photo: 1))
    for changed in [
      other.photo(person: 2, photo: 1), Self.faces.photo(person: 3, photo: 1),
      Self.faces.photo(person: 2, photo: 2),
    ] {
      #expect(Self.distance(photo, Self.thumbnail(changed)) > 100)
    }
  }

  @Test func photosAreWellExposed() {
    let artist = SyntheticArtist(Self.faces)
    let image = PixelBuffer(width: Self.side, height: Self.side)
    let count = 3 * Self.side * Self.side
    var total = 0.0
    for person in 0..<Self.faces.people {
      for photo in 0..<Self.faces.photosPerPerson {
        artist.draw(person: person, photo: photo, into: image.pixels)
        let values = image.bytes.map(Double.init)
        let mean = values.reduce(0, +) / Double(count)
        let deviation =
          (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count)).squareRoot()
        #expect((20...235).contains(mean), "mean of photo \(photo) of person \(person)")
        #expect(deviation > 8, "contrast of photo \(photo) of person \(person)")
        #expect(Double(values.count { $0 >= 254 }) < 0.35 * Double(count))
        #expect(Double(values.count { $0 <= 1 }) < 0.5 * Double(count))
        total += mean
      }
    }
    let mean = total / Double(Self.faces.count)
    #expect((95...150).contains(mean), "mean over all photos \(mean)")
  }

  /// The same people are a little nearer in raw pixels than strangers, but only a little.
  @Test func rawPixelsAreAPoorButNotABlindJudge() {
    let thumbnails = (0..<24).map { person in
      (0..<6).map { Self.thumbnail(Self.faces.photo(person: person, photo: $0)) }
    }
    var same: [Double] = []
    var different: [Double] = []
    for a in 0..<24 {
      for i in 0..<6 {
        for j in 0..<i { same.append(Self.distance(thumbnails[a][i], thumbnails[a][j])) }
        for b in 0..<a { different.append(Self.distance(thumbnails[a][i], thumbnails[b][i])) }
      }
    }
    // The area under the ROC curve: 0.5 is chance.
    var wins = 0.0
    for s in same { wins += Double(different.count { $0 > s }) }
    let area = wins / Double(same.count * different.count)
    #expect((0.53...0.80).contains(area), "area \(area)")
  }

  @Test(arguments: [32, 47, 112, 160]) func jpegDecodesToThePhoto(size: Int) throws {
    let faces = SyntheticFaces(people: 3, photosPerPerson: 2, size: size, seed: 11)
    let image = PixelBuffer()
    for person in 0..<3 {
      let bytes = faces.jpeg(person: person, photo: 1)
      try bytes.withUnsafeBytes { try JPEGDecoder().decode($0, into: image) }
      #expect(image.width == size && image.height == size)
      let drawn = faces.photo(person: person, photo: 1)
      var error = 0.0
      for index in 0..<size * size {
        error += abs(Self.luma(image.pixels + 3 * index) - Self.luma(drawn.pixels + 3 * index))
      }
      #expect(error / Double(size * size) < 8, "mean difference of luma after JPEG")
    }
  }

  /// What is drawn at another size is the same scene: thumbnails agree.
  @Test func sizeChangesTheResolutionOnly() {
    let large = SyntheticFaces(people: 24, photosPerPerson: 6, size: 128, seed: 7)
    for person in 0..<6 {
      let a = Self.thumbnail(Self.faces.photo(person: person, photo: 0))
      let b = Self.thumbnail(large.photo(person: person, photo: 0))
      #expect(Self.distance(a, b) / 16 < 6, "root mean square difference of cells")
    }
  }

  /// Skin is redder than blue wherever the cheek mostly is; backgrounds have no common hue.
  @Test func theMiddleOfThePhotoIsSkin() {
    func hue(_ image: PixelBuffer, _ x: Int, _ y: Int) -> Double {
      var red = 1.0
      var blue = 1.0
      for dy in 0..<6 {
        for dx in 0..<6 {
          let pixel = image.pixels + 3 * ((y + dy) * image.width + x + dx)
          red += Double(pixel[0])
          blue += Double(pixel[2])
        }
      }
      return red / (red + blue)
    }
    var cheek = 0.0
    var corner = 0.0
    for person in 0..<24 {
      for photo in 0..<6 {
        let image = Self.faces.photo(person: person, photo: photo)
        cheek += hue(image, 29, 38)
        corner += hue(image, 1, 1)
      }
    }
    #expect(cheek / 144 > 0.55)
    #expect(abs(corner / 144 - 0.5) < 0.06)
  }
}

struct SyntheticFolderTests {
  private static func withFolder(_ body: (String) throws -> Void) throws {
    let path = FileManager.default.temporaryDirectory.path + "/faces-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try body(path)
  }

  @Test func folderHoldsEveryPhotoUnderItsName() throws {
    let faces = SyntheticFaces(people: 3, photosPerPerson: 2, size: 32, seed: 3)
    try Self.withFolder { root in
      var told: [Int] = []
      try faces.writeFolder(to: root) { told.append($0) }
      #expect(told == [2, 4, 6])
      let found = try FileManager.default.subpathsOfDirectory(atPath: root)
        .filter { $0.hasSuffix(".jpg") }.sorted()
      #expect(
        found == [
          "person_0001/person_0001_0001.jpg", "person_0001/person_0001_0002.jpg",
          "person_0002/person_0002_0001.jpg", "person_0002/person_0002_0002.jpg",
          "person_0003/person_0003_0001.jpg", "person_0003/person_0003_0002.jpg",
        ])
      let stored = try Data(
        contentsOf: URL(fileURLWithPath: root + "/" + faces.path(person: 2, photo: 1)))
      #expect(Array(stored) == faces.jpeg(person: 2, photo: 1))
    }
  }

  @Test func anEmptyFolderIsUsedAndAFullOneRefused() throws {
    let faces = SyntheticFaces(people: 1, photosPerPerson: 1, size: 32, seed: 3)
    try Self.withFolder { root in
      try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
      try faces.writeFolder(to: root)
      let error = FolderError.notEmpty(path: root)
      #expect(throws: error) { try faces.writeFolder(to: root) }
      #expect(error.description.contains("not empty"))
      let file = root + "/" + faces.path(person: 0, photo: 0)
      #expect(throws: FolderError.notAFolder(path: file)) {
        try faces.writeFolder(to: file)
      }
      #expect(throws: InterchangeError.self) { try faces.writeFolder(to: file + "/below") }
    }
  }

  @Test func namesGoBeyondFourDigits() {
    let faces = SyntheticFaces(people: 20_000, photosPerPerson: 2, size: 32, seed: 3)
    #expect(faces.path(person: 11_233, photo: 0) == "person_11234/person_11234_0001.jpg")
    #expect(faces.count == 40_000)
  }
}
