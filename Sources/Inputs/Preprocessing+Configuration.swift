package import Configuration
package import Datasets

extension Preprocessing {
  /// The preprocessing that `configuration` means for photos that are aligned already.
  package init(aligned configuration: RunConfiguration) throws {
    self.init(
      framing: try Framing(
        imageSize: configuration.imageSize, resize: configuration.resize,
        crop: configuration.crop), normalization: configuration.normalize)
  }

  /// The preprocessing that `configuration` means for the photos of `index`.
  package init(_ configuration: RunConfiguration, index: PhotoIndex) throws {
    let framing = try Framing(
      imageSize: configuration.imageSize, resize: configuration.resize, crop: configuration.crop)
    self.init(
      framing: framing,
      landmarks: try configuration.landmarks.map {
        try Landmarks(file: $0, for: index, imageSize: configuration.imageSize)
      },
      normalization: configuration.normalize)
  }
}
