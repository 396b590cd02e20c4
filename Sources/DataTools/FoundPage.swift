internal import Datasets
internal import Detection
private import Foundation
internal import RawPhotos
internal import Reports

/// What a detector has found as one HTML page that holds its pictures: photos without a face and
/// with several first, each with the boxes and the five points of its faces.
struct FoundPage {
  private let request: DetectRequest
  private let result: DetectedAlignment.Result
  private let detector: FaceDetector
  private let set: PhotoSet

  /// How many photos of a kind are shown, and how long the longer side of a picture is in pixels,
  /// some 20 kB of JPEG.
  private static let photoLimit = 60
  private static let longestSide = 320
  private static let quality = 80

  private static let css = """
    .shots{display:grid;grid-template-columns:repeat(auto-fill,minmax(176px,1fr));gap:10px;
    align-items:start}
    .shot{padding:8px}
    .shot div{position:relative;width:100%}
    .shot img{display:block;width:100%;border-radius:4px}
    .shot svg{position:absolute;left:0;top:0;width:100%;height:100%;overflow:hidden;
    border-radius:4px}
    .shot rect,.shot circle{fill:none;vector-effect:non-scaling-stroke;stroke-width:2px}
    .shot rect{stroke:#ffb020}
    .shot .left rect{stroke:#fff;stroke-dasharray:4 3}
    .shot circle{stroke:#35e0ff}
    .shot .left circle{stroke:#fff}
    .shot figcaption{display:block;font-size:12px;margin:6px 2px 0;color:var(--soft);
    overflow-wrap:anywhere}
    .shot figcaption span{display:block;line-height:1.35}
    .shot .missing{aspect-ratio:1;display:flex;align-items:center;justify-content:center;
    font-size:12px;color:var(--soft);background:var(--line);border-radius:4px}
    """

  /// A page of `result`, which `detector` found on the photos of `set`; those that are shown are
  /// looked at again.
  init(
    _ request: DetectRequest, _ result: DetectedAlignment.Result, _ detector: FaceDetector,
    _ set: PhotoSet
  ) {
    (self.request, self.result, self.detector, self.set) = (request, result, detector, set)
  }

  /// The text of the page; throws `InterchangeError` where the detector cannot compute an image.
  func render() throws -> String {
    let title = "Faces on \(request.data)"
    let header = Markup.element(
      "header", [:],
      [
        .element("h1", text: title),
        .element(
          "p",
          text: "\(ReportNumber.grouped(result.written)) faces aligned to \(request.size) by "
            + "\(request.detector), score \(result.leastScore) and more"),
      ])
    let kinds: [(title: String, has: (Int) -> Bool)] = [
      ("Photos without a face", { $0 == 0 }), ("Photos with several faces", { $0 > 1 }),
      ("Photos that cannot be used", { $0 < 0 }), ("Photos with one face", { $0 == 1 }),
    ]
    let reader = FaceReader(
      detector, score: request.score, choice: request.faces, source: set.source)
    let painter = Painter()
    let groups = kinds.map { kind in result.faces.indices.filter { kind.has(result.faces[$0]) } }
    var main = [header, cards(zip(kinds.map(\.title), groups).map { ($0, $1.count) })]
    for (kind, photos) in zip(kinds, groups) where !photos.isEmpty {
      var shots: [Markup] = []
      for photo in photos.prefix(Self.photoLimit) {
        shots.append(try shot(photo, reader, painter))
      }
      var children = [Markup.element("div", ["class": "shots"], shots)]
      if photos.count > shots.count {
        children.append(
          .element(
            "p", ["class": "note"],
            text: "And \(ReportNumber.grouped(photos.count - shots.count)) more."))
      }
      main.append(
        ReportPage.section("\(kind.title): \(ReportNumber.grouped(photos.count))", children))
    }
    if request.faces != .all, !groups[1].isEmpty {
      main.insert(
        .element(
          "p", ["class": "note"],
          text: "The \(request.faces.rawValue) face of a photo was taken; white and broken lines "
            + "are around the others."), at: 2)
    }
    return ReportPage.text(title: title, css: Self.css, main)
  }

  private func cards(_ counts: [(String, Int)]) -> Markup {
    let shown = counts.map { name, count in
      Markup.element(
        "div", ["class": "card"],
        [
          .element("span", ["class": "name"], text: name),
          .element("b", text: ReportNumber.grouped(count)),
        ])
    }
    return .element("div", ["class": "cards"], shown)
  }

  /// One photo with what is found on it.
  private func shot(_ photo: Int, _ reader: FaceReader, _ painter: Painter) throws -> Markup {
    let path = set.index.photos[photo].path
    let picture: Markup
    var caption = [path]
    switch try reader.faces(of: photo) {
    case .failure(let error):
      picture = .element("div", ["class": "missing"], text: "no picture")
      caption.append(error.description)
    case .success(let faces):
      let file = painter.picture(of: reader.photo, longestSide: Self.longestSide, Self.quality)
      let scores = faces.map { String(format: "%.2f", $0.score) }.joined(separator: ", ")
      if !faces.isEmpty { caption.append(scores) }
      let source = "data:image/jpeg;base64," + Data(file).base64EncodedString()
      picture = .element(
        "div", [:],
        [
          .element("img", ["alt": path, "loading": "lazy", "src": source]),
          drawing(faces, width: reader.photo.width, height: reader.photo.height),
        ])
    }
    return .element(
      "figure", ["class": "panel shot"],
      [picture, .element("figcaption", [:], caption.map { .element("span", text: $0) })])
  }

  /// The boxes and points of `faces`, the one that is taken first, over a photo of that size.
  private func drawing(_ faces: [DetectedFace], width: Int, height: Int) -> Markup {
    func text(_ value: Double) -> String { String(format: "%.1f", value) }
    let radius = Double(max(width, height)) / 160
    let marks = faces.enumerated().map { number, face -> Markup in
      // Pixel centres at whole numbers are half a pixel from the edge of a drawing.
      var parts = [
        Markup.element(
          "rect",
          [
            "x": text(face.left + 0.5), "y": text(face.top + 0.5),
            "width": text(max(face.width, 0)), "height": text(max(face.height, 0)),
          ])
      ]
      for point in 0..<5 {
        parts.append(
          .element(
            "circle",
            [
              "cx": text(face.points[2 * point] + 0.5),
              "cy": text(face.points[2 * point + 1] + 0.5),
              "r": text(radius),
            ]))
      }
      let isTaken = number == 0 || request.faces == .all
      return .element("g", ["class": isTaken ? "taken" : "left"], parts)
    }
    let name = faces.isEmpty ? "no face" : faces.count == 1 ? "one face" : "\(faces.count) faces"
    return .element(
      "svg", ["viewBox": "0 0 \(width) \(height)", "role": "img", "aria-label": name], marks)
  }

  /// Makes pictures of photos; serves one thread at a time.
  private final class Painter {
    private let shrinker = PhotoShrinker()
    private let encoder = JPEGEncoder()

    /// The JPEG of `photo`, made smaller where its longer side is longer.
    func picture(of photo: PixelBuffer, longestSide: Int, _ quality: Int) -> [UInt8] {
      let scale = Double(longestSide) / Double(max(photo.width, photo.height))
      let picture = shrinker.picture(of: photo, scale: min(1, scale))
      return encoder.encode(
        picture.pixels, width: picture.width, height: picture.height, quality: quality)
    }
  }
}
