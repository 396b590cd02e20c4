private import Preconditions

/// The orientation tag (0x0112) of EXIF 2.3, or of XMP where EXIF has none, and turning an image
/// upright by it.
package enum EXIFOrientation {
  /// The orientation 1...8 of the JPEG file `bytes`; 1 where the tag is absent or makes no sense.
  package static func of(_ bytes: UnsafeRawBufferPointer) -> Int {
    var at = 2
    var inXMP: Int?
    while at + 4 <= bytes.count, bytes[at] == 0xFF {
      let marker = bytes[at + 1]
      if marker == 0xFF {
        at += 1
        continue
      }
      if marker == 0xDA || marker == 0xD9 { break }
      if marker == 0x01 || (0xD0...0xD8).contains(marker) {
        at += 2
        continue
      }
      let length = Int(bytes[at + 2]) << 8 | Int(bytes[at + 3])
      let end = at + 2 + length
      guard length >= 2, end <= bytes.count else { break }
      if marker == 0xE1, length >= 16, isEXIF(bytes, at: at + 4) {
        let block = UnsafeRawBufferPointer(rebasing: bytes[(at + 10)..<end])
        if let orientation = inTIFF(block) { return orientation }
      } else if marker == 0xE1, inXMP == nil {
        let block = UnsafeRawBufferPointer(rebasing: bytes[(at + 4)..<end])
        if block.starts(with: xmpSignature) { inXMP = Self.inXMP(block) }
      }
      at = end
    }
    return inXMP ?? 1
  }

  /// What a segment of XMP begins with in JPEG (XMP Specification, part 3).
  private static let xmpSignature = Array("http://ns.adobe.com/xap/1.0/\0".utf8)

  /// The orientation 1...8 that a packet of XMP says, as an attribute or an element; nil where it
  /// says none.
  static func inXMP(_ packet: UnsafeRawBufferPointer) -> Int? {
    let name = Array("tiff:Orientation".utf8)
    guard packet.count > name.count + 2 else { return nil }
    var place = packet.startIndex
    while let found = packet[place...].firstIndex(of: name[0]) {
      place = found + 1
      let end = found + name.count
      guard end + 2 < packet.count else { return nil }
      guard packet[found..<end].elementsEqual(name) else { continue }
      let isQuoted = packet[end] == 0x3D && (packet[end + 1] == 0x22 || packet[end + 1] == 0x27)
      guard isQuoted || packet[end] == 0x3E else { continue }
      let digit = Int(packet[end + (isQuoted ? 2 : 1)]) - 0x30
      return (1...8).contains(digit) ? digit : nil
    }
    return nil
  }

  /// The orientation 1...8 that a block of EXIF says, as PNG and WebP keep it: TIFF, with JPEG's
  /// `Exif` before it or without; 1 where the tag makes no sense, nil where it is absent.
  static func inBlock(_ block: UnsafeRawBufferPointer) -> Int? {
    guard block.count > 6, isEXIF(block, at: 0) else { return inTIFF(block) }
    return inTIFF(UnsafeRawBufferPointer(rebasing: block[6...]))
  }

  private static func isEXIF(_ bytes: UnsafeRawBufferPointer, at start: Int) -> Bool {
    bytes[start] == 0x45 && bytes[start + 1] == 0x78 && bytes[start + 2] == 0x69
      && bytes[start + 3] == 0x66 && bytes[start + 4] == 0
  }

  /// The orientation in the first directory of a TIFF block.
  private static func inTIFF(_ tiff: UnsafeRawBufferPointer) -> Int? {
    guard tiff.count >= 8, tiff[0] == tiff[1], tiff[0] == 0x49 || tiff[0] == 0x4D else {
      return nil
    }
    let isLittle = tiff[0] == 0x49
    func word(_ at: Int) -> Int {
      let a = Int(tiff[at])
      let b = Int(tiff[at + 1])
      return isLittle ? b << 8 | a : a << 8 | b
    }
    func long(_ at: Int) -> Int {
      isLittle ? word(at + 2) << 16 | word(at) : word(at) << 16 | word(at + 2)
    }
    let directory = long(4)
    guard directory >= 8, directory + 2 <= tiff.count else { return nil }
    for entry in 0..<word(directory) {
      let at = directory + 2 + 12 * entry
      guard at + 12 <= tiff.count else { return nil }
      guard word(at) == 0x0112 else { continue }
      // The standard has SHORT; programs write BYTE and LONG, signed and not, as well.
      let value: Int
      switch word(at + 2) {
      case 1, 6: value = Int(tiff[at + 8])
      case 3, 8: value = word(at + 8)
      case 4, 9, 13: value = long(at + 8)
      default: return 1
      }
      return (1...8).contains(value) ? value : 1
    }
    return nil
  }

  /// Writes `image`, stored with `orientation`, upright into `upright`.
  package static func apply(
    _ orientation: Int, to image: PixelBuffer, into upright: PixelBuffer
  ) {
    require((1...8).contains(orientation), "EXIF orientation \(orientation) is not 1...8")
    let width = image.width
    let height = image.height
    let swaps = orientation > 4
    upright.resize(width: swaps ? height : width, height: swaps ? width : height)
    // Upright pixel (x, y) is stored at origin + x * across + y * down.
    let (origin, across, down): (Int, Int, Int)
    let (lastX, lastY) = (width - 1, (height - 1) * width)
    switch orientation {
    case 2: (origin, across, down) = (lastX, -1, width)
    case 3: (origin, across, down) = (lastY + lastX, -1, -width)
    case 4: (origin, across, down) = (lastY, 1, -width)
    case 5: (origin, across, down) = (0, width, 1)
    case 6: (origin, across, down) = (lastY, -width, 1)
    case 7: (origin, across, down) = (lastY + lastX, -width, -1)
    case 8: (origin, across, down) = (lastX, width, -1)
    default: (origin, across, down) = (0, 1, width)
    }
    var output = upright.pixels
    for y in 0..<upright.height {
      var source = UnsafePointer(image.pixels) + 3 * (origin + y * down)
      for _ in 0..<upright.width {
        output[0] = source[0]
        output[1] = source[1]
        output[2] = source[2]
        output += 3
        source += 3 * across
      }
    }
  }
}
