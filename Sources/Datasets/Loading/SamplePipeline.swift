private import Preconditions

/// What turns the bytes of a photo into a sample; a value that all threads share.
package struct Preprocessing: Sendable {
  /// Which part of the photo, at which size.
  package let framing: Framing
  /// Five-point alignment; where present, it takes the place of resize and crop.
  package let landmarks: Landmarks?
  /// How bytes become numbers.
  package let normalization: Normalization
  /// Photos of more pixels are refused unread.
  package let pixelLimit: Int

  package init(
    framing: Framing, landmarks: Landmarks? = nil, normalization: Normalization = .half,
    pixelLimit: Int = JPEGDecoder.defaultPixelLimit
  ) {
    require(
      landmarks == nil || landmarks?.imageSize == framing.imageSize,
      "Preprocessing: landmarks for \(landmarks?.imageSize ?? 0), samples of \(framing.imageSize)")
    self.framing = framing
    self.landmarks = landmarks
    self.normalization = normalization
    self.pixelLimit = pixelLimit
  }

  /// The size of what comes out.
  package var imageSize: ImageSize { framing.imageSize }
}

/// Turns the bytes of photos into samples, with buffers that it keeps: one for each thread.
package final class SamplePipeline: @unchecked Sendable {
  private let preprocessing: Preprocessing
  private let decoder: ImageDecoder
  private let resampler = Resampler()
  private let photo = PixelBuffer()
  private let seen = PixelBuffer()
  private let sample: PixelBuffer
  private let table: UnsafeMutablePointer<Float>

  package init(_ preprocessing: Preprocessing) {
    self.preprocessing = preprocessing
    decoder = ImageDecoder(pixelLimit: preprocessing.pixelLimit)
    sample = PixelBuffer(
      width: preprocessing.imageSize.width, height: preprocessing.imageSize.height)
    table = .allocate(capacity: 768)
    table.initialize(repeating: 0, count: 768)
    if let fixed = preprocessing.normalization.table {
      for i in fixed.indices { table[i] = fixed[i] }
    }
  }

  deinit { table.deallocate() }

  /// Decodes `bytes`, cuts, changes as `drawn` and normalises them into `output` [height, width,
  /// 3].
  ///
  /// `index` chooses the landmarks. Throws `ImageError` for anything but a whole, sound photo.
  package func process(
    _ bytes: UnsafeRawBufferPointer, photo index: Int, drawn: AugmentationDraw,
    into output: UnsafeMutablePointer<Float>
  ) throws(ImageError) {
    let image = try pixels(bytes, photo: index, drawn: drawn)
    let pixelCount = image.width * image.height
    if preprocessing.normalization.isPerImage {
      Normalization.standardTable(of: image.pixels, pixelCount: pixelCount, into: table)
    }
    Normalization.apply(table, to: image.pixels, pixelCount: pixelCount, into: output)
  }

  /// The sample before normalisation [height, width, 3]; overwritten by the next call.
  package func pixels(
    _ bytes: UnsafeRawBufferPointer, photo index: Int, drawn: AugmentationDraw
  ) throws(ImageError) -> PixelBuffer {
    let size = preprocessing.imageSize
    let seenSize = drawn.seenSize(of: size)
    let first = seenSize == size ? sample : seen
    first.resize(width: seenSize.width, height: seenSize.height)
    if let landmarks = preprocessing.landmarks {
      try align(bytes, by: landmarks.similarity(of: index), drawn: drawn, into: first)
    } else {
      try cut(bytes, drawn: drawn, into: first)
    }
    if seenSize != size {
      resampler.resample(
        seen.pixels, width: seenSize.width, height: seenSize.height,
        x: SamplingAxis(scale: Double(seenSize.width) / Double(size.width)),
        y: SamplingAxis(scale: Double(seenSize.height) / Double(size.height)),
        outWidth: size.width, outHeight: size.height, into: sample.pixels)
    }
    if drawn.changesColor { drawn.recolor(sample.pixels, pixelCount: size.pixels) }
    drawn.erase(sample.pixels, size: size)
    return sample
  }

  private func cut(
    _ bytes: UnsafeRawBufferPointer, drawn: AugmentationDraw, into target: PixelBuffer
  ) throws(ImageError) {
    let size = preprocessing.imageSize
    var axes = (x: SamplingAxis(scale: 1), y: SamplingAxis(scale: 1))
    try decoder.decode(bytes, into: photo) { header in
      let usual = preprocessing.framing.axes(
        width: header.uprightWidth, height: header.uprightHeight)
      axes.x = drawn.moved(usual.x, shift: drawn.shiftX, size: size.width)
      axes.y = drawn.moved(usual.y, shift: drawn.shiftY, size: size.height)
      let eighths = Framing.eighths(
        pixelsPerPixel: min(axes.x.scale, axes.y.scale), margin: 2)
      axes.x.scale *= Double(eighths) / 8
      axes.y.scale *= Double(eighths) / 8
      return eighths
    }
    if target.width != size.width {
      axes.x = axes.x.resized(by: Double(target.width) / Double(size.width))
    }
    if target.height != size.height {
      axes.y = axes.y.resized(by: Double(target.height) / Double(size.height))
    }
    resampler.resample(
      photo.pixels, width: photo.width, height: photo.height, x: axes.x, y: axes.y,
      mirrored: drawn.isMirrored, outWidth: target.width, outHeight: target.height,
      into: target.pixels)
  }

  private func align(
    _ bytes: UnsafeRawBufferPointer, by toPhoto: Similarity, drawn: AugmentationDraw,
    into target: PixelBuffer
  ) throws(ImageError) {
    let size = preprocessing.imageSize
    var similarity = toPhoto
    try decoder.decode(bytes, into: photo) { header in
      // The warp does not smooth, so it is given between one and two decoded pixels for each.
      let eighths = Framing.eighths(pixelsPerPixel: toPhoto.scale * drawn.zoom, margin: 1)
      similarity = toPhoto.scaled(by: Double(eighths) / 8)
      return eighths
    }
    try Alignment.requireFace(by: similarity, from: size, on: photo.width, photo.height)
    // Pixel u of the target is seen at `zoom` about the centre of the sample, shifted.
    func axis(
      _ size: Int, seen: Int, shift: Double, mirrored: Bool
    ) -> (scale: Double, offset: Double) {
      let step = drawn.zoom * Double(size) / Double(seen)
      let start = Double(size) * (0.5 * (1 - drawn.zoom) + shift) + 0.5 * step - 0.5
      return mirrored ? (-step, start + step * Double(seen - 1)) : (step, start)
    }
    Alignment.warp(
      photo.pixels, width: photo.width, height: photo.height, by: similarity,
      x: axis(
        size.width, seen: target.width, shift: drawn.shiftX, mirrored: drawn.isMirrored),
      y: axis(size.height, seen: target.height, shift: drawn.shiftY, mirrored: false),
      outWidth: target.width, outHeight: target.height, into: target.pixels)
  }
}
