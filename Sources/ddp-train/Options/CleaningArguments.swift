internal import ArgumentParser
internal import Cleaning
private import Interchange

/// What `check` does with embeddings.
struct CleaningArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Embeddings of the photos, as embed writes them (.npz, .csv, .npy, .safetensors, .pt), or a "
        + "checkpoint or run that embeds them.",
      valueName: "file"),
    completion: .file(extensions: ["npy", "npz", "csv", "safetensors", "pt", "pth", "tar"]),
    transform: UserPath.read)
  var embeddings: String?

  @Option(
    help: ArgumentHelp(
      "Names of the rows, one a line or a column of a table, where they stand neither in the file "
        + "nor beside it.", valueName: "file.txt"),
    completion: .file(extensions: ["txt", "csv", "tsv"]), transform: UserPath.read)
  var names: String?

  @Option(
    help: ArgumentHelp(
      "Embeddings of an evaluation set, whose people must not be in the data; may be repeated.",
      valueName: "file"),
    completion: .file(extensions: ["npy", "npz", "csv", "safetensors", "pt", "pth", "tar"]),
    transform: UserPath.read)
  var against: [String] = []

  @Option(
    help: ArgumentHelp("The list for --exclude to write.", valueName: "file"),
    completion: .file(), transform: UserPath.read)
  var out: String?

  @Option(
    help: ArgumentHelp("A page of what was found to write.", valueName: "file"),
    completion: .file(extensions: ["html"]), transform: UserPath.read)
  var html: String?

  @Flag(
    help: ArgumentHelp(
      "Compare photos with the main one of the centres that a run with --sub-centres has of their "
        + "person, in place of one another."))
  var subCentres = false

  @Option(
    help: ArgumentHelp(
      "Photos at a larger angle to it are left out, in degrees (75).", valueName: "d"),
    transform: CleaningArguments.degrees)
  var subCentreAngle: Double?

  @Option(
    help: ArgumentHelp(
      "Photos of a person that pairs at this cosine join belong together, and others are "
        + "strangers where these are more than half; none looks for no strangers (three deviations "
        + "above the mean of photos of different people).",
      valueName: "c"), transform: CleaningArguments.cosine)
  var strangerCosine: Limit?

  @Option(
    help: ArgumentHelp(
      "People whose centres are this near are one; none takes nobody for another (6.5 deviations).",
      valueName: "c"), transform: CleaningArguments.cosine)
  var personCosine: Limit?

  @Option(
    help: ArgumentHelp(
      "Photos this near are copies of one; none looks for no copies (0.98).", valueName: "c"),
    transform: CleaningArguments.cosine)
  var duplicateCosine: Limit?

  @Option(
    help: ArgumentHelp(
      "People whose centre is this near to a photo of --against are in that set (0.4).",
      valueName: "c"), transform: CleaningArguments.cosine)
  var overlapCosine: Limit?

  /// A cosine; nil for none.
  struct Limit: Sendable {
    let cosine: Double?
  }

  private static func cosine(_ text: String) throws -> Limit {
    if text == "none" { return Limit(cosine: nil) }
    guard let value = DecimalNumber.read(text), value > 0, value < 1 else {
      throw ValidationError("'\(text)' is no cosine above 0 and below 1, such as 0.7")
    }
    return Limit(cosine: value)
  }

  private static func degrees(_ text: String) throws -> Double {
    guard let value = DecimalNumber.read(text), value > 0, value < 180 else {
      throw ValidationError("'\(text)' is no angle above 0 and below 180 degrees, such as 75")
    }
    return value
  }

  /// Throws `ValidationError` for what belongs to --embeddings without it, and for limits that make
  /// no sense.
  func check() throws {
    if embeddings == nil {
      for (name, isGiven) in [
        ("--names", names != nil), ("--against", !against.isEmpty), ("--out", out != nil),
        ("--html", html != nil), ("--stranger-cosine", strangerCosine != nil),
        ("--person-cosine", personCosine != nil), ("--duplicate-cosine", duplicateCosine != nil),
        ("--overlap-cosine", overlapCosine != nil), ("--sub-centres", subCentres),
        ("--sub-centre-angle", subCentreAngle != nil),
      ] where isGiven {
        throw ValidationError("\(name) belongs to --embeddings")
      }
    }
    if subCentres, strangerCosine != nil {
      throw ValidationError(
        "--sub-centres finds strangers by the centres of the run, --stranger-cosine by pairs of "
          + "photos; give one of them")
    }
    if subCentreAngle != nil, !subCentres {
      throw ValidationError("--sub-centre-angle belongs to --sub-centres")
    }
    if let overlapCosine {
      guard overlapCosine.cosine != nil else {
        throw ValidationError("--overlap-cosine takes a cosine; leave out --against for none")
      }
      guard !against.isEmpty else { throw ValidationError("--overlap-cosine belongs to --against") }
    }
  }

  /// What is asked; nil without --embeddings.
  var request: CleaningRequest? {
    guard let embeddings else { return nil }
    var request = CleaningRequest(embeddings: embeddings)
    request.names = names
    request.against = against
    request.out = out
    request.html = html
    if subCentres {
      // Beside what is far from its centre, what is asked for by name alone.
      (request.limits.followsStrangers, request.limits.followsPeople) = (false, false)
      (request.limits.strangers, request.limits.people) = (nil, nil)
      request.limits.duplicates = nil
      if let subCentreAngle { request.limits.centreDegrees = subCentreAngle }
    }
    if let strangerCosine {
      (request.limits.strangers, request.limits.followsStrangers) = (strangerCosine.cosine, false)
    }
    if let personCosine {
      (request.limits.people, request.limits.followsPeople) = (personCosine.cosine, false)
    }
    if let duplicateCosine { request.limits.duplicates = duplicateCosine.cosine }
    if let cosine = overlapCosine?.cosine { request.limits.overlaps = cosine }
    return request
  }
}
