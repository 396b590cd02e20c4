internal import ArgumentParser
internal import Detection
private import Interchange
internal import RawPhotos

/// The options by which photos are taken as a camera makes them.
struct DetectorArguments: ParsableArguments {
  /// What a photo can be taken for: one face.
  private static let choices = [FaceChoice.largest, .centred].map(\.rawValue)

  @Option(
    help: ArgumentHelp(
      "A detector that finds the face on photos of any size: YuNet's ONNX file, or the folder of "
        + "MTCNN's pnet.pt, rnet.pt and onet.pt.",
      valueName: "file.onnx|folder"),
    completion: .file(), transform: UserPath.read)
  var detector: String?

  @Option(
    name: .customLong("faces"),
    help: ArgumentHelp(
      "Which of several faces of a photo is taken: largest or centred (largest).",
      valueName: "which"), completion: .list(DetectorArguments.choices))
  var choice: FaceChoice?

  @Option(
    help: ArgumentHelp(
      "The least score of a face of the detector, 0 to 1 (YuNet 0.6, MTCNN 0.7).", valueName: "s"))
  var score: Double?

  func validate() throws {
    if detector == nil {
      for (name, isGiven) in [("--faces", choice != nil), ("--score", score != nil)]
      where isGiven {
        throw ValidationError("\(name) belongs to --detector")
      }
    }
    if choice == .all {
      throw ValidationError(
        "--faces all: a photo is one face here, largest or centred; ddp-train align --faces all "
          + "writes a photo of each")
    }
    try Self.check(score: score)
  }

  /// Throws `ValidationError` for a score that no face has or all have.
  static func check(score: Double?) throws {
    if let score, !(score > 0 && score <= 1) {
      throw ValidationError("--score \(score) is not above 0 and at most 1")
    }
  }

  /// How faces are found; nil where they are not looked for. Throws `ValidationError` where
  /// `landmarks` say where they are.
  func search(besides landmarks: String?) throws -> FaceSearch? {
    guard let detector else { return nil }
    if landmarks != nil {
      throw ValidationError("--landmarks and --detector both say where faces are; remove one")
    }
    var search = FaceSearch(detector: detector)
    search.faces = choice ?? search.faces
    search.score = score
    return search
  }
}
