/// Photos whose shorter side is less than the central crop, which are therefore enlarged to it.
package struct EnlargedPhotos: Sendable {
  /// How many are, of how many that were looked at.
  package let count, lookedAt: Int
  /// The side of the crop in pixels.
  package let crop: Int
  /// The smallest of them, and its [width, height] in pixels.
  package let example: String
  /// The size of the example in pixels.
  package let width, height: Int

  /// The most photos that are looked at.
  private static let limit = 64

  /// Looks at photos of `source`, spread over `photos`; nil where none is enlarged, or where photos
  /// are resized first, as was asked for. `onPhoto` is called for each.
  package init?(
    of source: any PhotoSource, among photos: [Int], framing: Framing, onPhoto: () -> Void = {}
  ) {
    guard let crop = framing.crop, framing.resize == nil else { return nil }
    let (decoder, buffer) = (ImageDecoder(), ByteBuffer())
    let image = PixelBuffer(width: 1, height: 1)
    let limit = min(Self.limit, photos.count)
    var smallest: (photo: Int, header: ImageHeader)?
    var (count, lookedAt) = (0, 0)
    for place in 0..<limit {
      let photo = photos[place * photos.count / limit]
      var found: ImageHeader?
      // A bad photo is for who trains on it to say.
      do throws(ImageError) {
        try source.read(photo, into: buffer)
        try decoder.decode(buffer.bytes, into: image) { header in
          found = header
          return 1
        }
      } catch {}
      onPhoto()
      guard let header = found else { continue }
      lookedAt += 1
      let side = min(header.width, header.height)
      guard side < crop else { continue }
      count += 1
      if smallest.map({ side < min($0.header.width, $0.header.height) }) ?? true {
        smallest = (photo, header)
      }
    }
    guard let smallest else { return nil }
    (self.count, self.lookedAt, self.crop) = (count, lookedAt, crop)
    example = source.name(of: smallest.photo)
    (width, height) = (smallest.header.uprightWidth, smallest.header.uprightHeight)
  }

  /// What to tell who trains on them.
  package var sentence: String {
    "--crop \(crop) is larger than \(count) of \(lookedAt) photos that were looked at, which are "
      + "enlarged to it, such as \(example) (\(width) x \(height)); give a smaller --crop, or "
      + "--resize to bring all photos to one size first"
  }
}
