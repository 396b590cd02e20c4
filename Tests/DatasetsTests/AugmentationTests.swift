import Datasets
import Testing

@Suite struct AugmentationTests {
  private func pixels(
    _ bytes: [UInt8], _ drawn: AugmentationDraw, size: ImageSize = 32, resize: Int? = nil,
    crop: Int? = nil
  ) throws -> [UInt8] {
    let pipeline = SamplePipeline(
      Preprocessing(framing: try Framing(imageSize: size, resize: resize, crop: crop)))
    return try bytes.withUnsafeBytes { try pipeline.pixels($0, photo: 0, drawn: drawn).bytes }
  }

  @Test(arguments: [
    "none", "flip:0.5", "flip:0.5,shift:0.06,scale:0.1,color:0.2", "blur:0.3,erase:1.0",
  ])
  func listsReadBackTheirText(text: String) throws {
    #expect(try Augmentation(parsing: text).description == text)
  }

  @Test func listsOfNames() throws {
    #expect(try Augmentation(parsing: "flip,shift,scale,color") == .default)
    #expect(try Augmentation(parsing: "default") == .default)
    #expect(try Augmentation(parsing: "flip").shift == 0)
    for wrong in ["", "flop", "flip,none", "flip:2", "flip:0", "flip:x", "flip,,blur", "scale:1"] {
      #expect(throws: DatasetError.self) { try Augmentation(parsing: wrong) }
    }
  }

  @Test func drawsAreFunctionsOfSeedStepAndSlot() throws {
    let all = try Augmentation(parsing: "flip,shift,scale,color,blur,erase")
    let place = SampleCoordinates(step: 5, slot: 9)
    let drawn = all.draw(seed: 1, at: place)
    #expect(all.draw(seed: 1, at: place) == drawn)
    #expect(all.draw(seed: 2, at: place) != drawn)
    #expect(all.draw(seed: 1, at: SampleCoordinates(step: 9, slot: 5)) != drawn)
    // Switching one change leaves the others as they were.
    let some = try Augmentation(parsing: "flip,color").draw(seed: 1, at: place)
    #expect(some.isMirrored == drawn.isMirrored && some.contrast == drawn.contrast)
    #expect(some.zoom == 1 && some.shiftX == 0 && some.erased == nil && some.resolution == 1)
    #expect(Augmentation.none.draw(seed: 1, at: place) == AugmentationDraw())
  }

  @Test func drawsKeepToTheirProbabilitiesAndRanges() throws {
    let all = try Augmentation(
      parsing: "flip:0.5,shift:0.1,scale:0.2,color:0.3,blur:0.25,erase:0.4")
    let draws = (0..<4000).map {
      all.draw(seed: 3, at: SampleCoordinates(step: $0 / 100, slot: $0 % 100))
    }
    func share(_ test: (AugmentationDraw) -> Bool) -> Double {
      Double(draws.count { test($0) }) / 4000
    }
    // Four standard deviations of 4,000 tosses are at most 0.032.
    #expect(abs(share(\.isMirrored) - 0.5) < 0.032)
    #expect(abs(share { $0.resolution < 1 } - 0.25) < 0.032)
    #expect(abs(share { $0.erased != nil } - 0.4) < 0.032)
    #expect(abs(share { $0.shiftX > 0.05 } - 0.25) < 0.032)
    #expect(draws.allSatisfy { abs($0.shiftX) <= 0.1 && abs($0.shiftY) <= 0.1 })
    #expect(draws.allSatisfy { abs($0.zoom - 1) <= 0.2 && abs($0.saturation - 1) <= 0.3 })
    #expect(Set(draws.map(\.shiftX)).isDisjoint(with: draws.map(\.shiftY)))
    for case let erased? in draws.map(\.erased) {
      #expect(erased.x >= 0 && erased.x + erased.width <= 1 + 1e-12)
      #expect(erased.y >= 0 && erased.y + erased.height <= 1 + 1e-12)
      #expect(erased.width * erased.height < 0.2501)
    }
  }

  @Test func movedAxesCoverTheShiftedAndZoomedCrop() {
    var drawn = AugmentationDraw()
    drawn.zoom = 0.5
    let axis = drawn.moved(SamplingAxis(scale: 2, offset: 10), shift: 0.25, size: 40)
    // The usual crop covers 20...100 of the input: zoomed 40...80, shifted by a quarter of 80.
    #expect(abs(axis.offset * axis.scale - 60) < 1e-12)
    #expect(abs((axis.offset + 40) * axis.scale - 100) < 1e-12)
    let same = AugmentationDraw().moved(SamplingAxis(scale: 2, offset: 10), shift: 0, size: 40)
    #expect(same == SamplingAxis(scale: 2, offset: 10))
  }

  @Test func changesOfASampleAreSeen() throws {
    let photo = Pictures.jpeg(80, 80, seed: 1)
    let plain = try pixels(photo, AugmentationDraw())
    var drawn = AugmentationDraw()
    drawn.isMirrored = true
    let mirrored = try pixels(photo, drawn)
    for y in 0..<32 {
      for x in 0..<32 { #expect(plain[(y * 32 + x) * 3] == mirrored[(y * 32 + 31 - x) * 3]) }
    }
    // A whole-pixel shift of a crop moves it by whole pixels.
    drawn = AugmentationDraw()
    drawn.shiftX = 4.0 / 32
    let usual = try pixels(photo, AugmentationDraw(), crop: 32)
    let shifted = try pixels(photo, drawn, crop: 32)
    for y in 0..<32 {
      for x in 0..<28 { #expect(shifted[(y * 32 + x) * 3] == usual[(y * 32 + x + 4) * 3]) }
    }
    drawn = AugmentationDraw()
    drawn.resolution = 0.25
    let soft = try pixels(photo, drawn)
    func roughness(_ image: [UInt8]) -> Int {
      var sum = 0
      for x in 0..<31 {
        let pixel = (x * 32 + x) * 3 + 2
        let step = Int(image[pixel]) - Int(image[pixel + 3])
        sum += step * step
      }
      return sum
    }
    #expect(roughness(soft) < roughness(plain) / 2)
    let changes: [Int] = zip(soft, plain).map { abs(Int($0) - Int($1)) }
    #expect(changes.reduce(0, +) < plain.count * 12)
  }

  @Test func colorFollowsItsFormula() {
    var drawn = AugmentationDraw()
    (drawn.brightness, drawn.contrast, drawn.saturation) = (1.2, 0.7, 0.5)
    let image = Pictures.pattern(9, 7)
    let before = image.bytes.map(Double.init)
    func luma(_ i: Int) -> Double {
      (77 * before[3 * i] + 150 * before[3 * i + 1] + 29 * before[3 * i + 2]) / 256
    }
    let mean = (0..<63).map(luma).reduce(0, +) / 63
    drawn.recolor(image.pixels, pixelCount: 63)
    for i in before.indices {
      let saturated = luma(i / 3) + 0.5 * (before[i] - luma(i / 3))
      let contrasted = mean + 0.7 * (saturated - mean)
      let expected = min(max(1.2 * contrasted, 0), 255)
      #expect(abs(Double(image.bytes[i]) - expected) < 0.51)
    }
  }

  @Test func erasingCoversItsRectangleAndNothingElse() {
    var drawn = AugmentationDraw()
    drawn.erased = AugmentationDraw.Rectangle(
      x: 0.5, y: 0.25, width: 0.5, height: 0.25, red: 1, green: 2, blue: 3)
    let image = PixelBuffer(width: 8, height: 8, bytes: [UInt8](repeating: 9, count: 192))
    drawn.erase(image.pixels, size: 8)
    for y in 0..<8 {
      for x in 0..<8 {
        let isErased = x >= 4 && (2..<4).contains(y)
        let pixel = Array(image.bytes[((y * 8 + x) * 3)...].prefix(3))
        #expect(pixel == (isErased ? [1, 2, 3] : [9, 9, 9]))
      }
    }
  }
}
