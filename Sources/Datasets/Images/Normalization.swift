/// How bytes become the numbers that a network sees; a checkpoint names it.
package enum Normalization: String, CaseIterable, Sendable {
  /// (x/255 - 1/2) / (1/2), insightface's.
  case half
  /// x/255, torchvision's `ToTensor`.
  case unit
  /// (x - 127.5) / 128, facenet's fixed one.
  case facenet
  /// (x - mean) / max(deviation, 1/sqrt(N)) over the N numbers of the image, facenet's
  /// prewhitening.
  case standardize
  /// (x/255 - mean) / deviation by channel, of ImageNet.
  case imagenet

  /// Throws `DatasetError.badOption` for a name that is none.
  package init(named name: String) throws(DatasetError) {
    guard let known = Normalization(rawValue: name) else {
      throw .badOption(
        name: "--normalize", text: name,
        reason: "is none of " + Self.allCases.map(\.rawValue).joined(separator: ", "))
    }
    self = known
  }

  /// Whether scale and offset depend on the image.
  package var isPerImage: Bool { self == .standardize }

  /// What turns byte x of a channel to scale * x + offset [3 each]; nil where it is per image.
  package var channels: (scale: [Double], offset: [Double])? {
    switch self {
    case .half: ([2 / 255, 2 / 255, 2 / 255], [-1, -1, -1])
    case .unit: ([1 / 255, 1 / 255, 1 / 255], [0, 0, 0])
    case .facenet: ([1 / 128, 1 / 128, 1 / 128], [-127.5 / 128, -127.5 / 128, -127.5 / 128])
    case .standardize: nil
    case .imagenet:
      (
        [1 / (255 * 0.229), 1 / (255 * 0.224), 1 / (255 * 0.225)],
        [-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225]
      )
    }
  }

  /// The value of every byte in every channel, each rounded once [3, 256]; nil where per image.
  package var table: [Float]? {
    guard let channels else { return nil }
    return (0..<3).flatMap { (channel: Int) -> [Float] in
      let (scale, offset) = (channels.scale[channel], channels.offset[channel])
      return (0..<256).map { Float(scale * Double($0) + offset) }
    }
  }

  /// Fills `table` [3, 256] for `image` [pixelCount, 3] by its own mean and deviation.
  package static func standardTable(
    of image: UnsafePointer<UInt8>, pixelCount: Int, into table: UnsafeMutablePointer<Float>
  ) {
    let count = pixelCount * 3
    var (sum, squares) = (0, 0)
    for i in 0..<count {
      let value = Int(image[i])
      sum &+= value
      squares &+= value &* value
    }
    let n = Double(count)
    let mean = Double(sum) / n
    // In whole numbers nothing cancels; samples of up to 1024 x 1024 cannot overflow.
    let variance = Double(count * squares - sum * sum) / (n * n)
    let deviation = max(variance.squareRoot(), 1 / n.squareRoot())
    for c in 0..<3 {
      for value in 0..<256 { table[c * 256 + value] = Float((Double(value) - mean) / deviation) }
    }
  }

  /// Writes `image` [pixelCount, 3] through `table` [3, 256] into `output` [pixelCount, 3].
  package static func apply(
    _ table: UnsafePointer<Float>, to image: UnsafePointer<UInt8>, pixelCount: Int,
    into output: UnsafeMutablePointer<Float>
  ) {
    var pixel = image
    var out = output
    for _ in 0..<pixelCount {
      out[0] = table[Int(pixel[0])]
      out[1] = table[256 &+ Int(pixel[1])]
      out[2] = table[512 &+ Int(pixel[2])]
      pixel += 3
      out += 3
    }
  }
}
