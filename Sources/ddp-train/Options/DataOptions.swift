internal import ArgumentParser

struct DataOptions: ParsableArguments {
  @Option(
    help: .option(
      "data",
      """
      An image folder (person/photo.jpg), a RecordIO pack, WebDataset shards, an imagefolder with \
      metadata or a list of photos; or synthetic[:people=N,photos=M,size=S].
      """,
      valueName: "path|synthetic"),
    completion: .file())
  var data: String?

  @Option(
    help: .option(
      "split",
      """
      What trains: all, random:N or first:N photos, people:FILE, people-random:FRACTION; \
      the rest measures.
      """,
      valueName: "split"))
  var split: String?

  @Option(help: .option("split-seed", "Seed of the random splits.", valueName: "n"))
  var splitSeed: String?

  @Option(
    help: .option(
      "min-photos", "Leave out people with fewer photos; 0 gives all a class.", valueName: "k"))
  var minPhotos: String?

  @Option(
    help: .option(
      "image-size", "The network's input in pixels, side or HxW; a --model brings its own.",
      valueName: "n|hxw"))
  var imageSize: String?

  @Option(
    help: .option("resize", "Shorter side of the photo before the crop, or none.", valueName: "n"))
  var resize: String?

  @Option(help: .option("crop", "Side of the central square, or none.", valueName: "n"))
  var crop: String?

  @Option(
    help: .option("landmarks", "Five points a photo; aligns the faces.", valueName: "file"),
    completion: .file())
  var landmarks: String?

  @Option(
    help: .option("normalize", "half, unit, facenet, standardize or imagenet.", valueName: "name"),
    completion: .list(["half", "unit", "facenet", "standardize", "imagenet"]))
  var normalize: String?

  @Option(
    help: .option(
      "augment",
      "none, default, or of flip, shift, scale, color, blur, erase, with commas and amounts (flip,color:0.2).",
      valueName: "list"),
    completion: .list(["none", "default", "flip", "shift", "scale", "color", "blur", "erase"]))
  var augment: String?

  @Option(
    help: .option("max-bad", "Stop above this share of unreadable photos.", valueName: "fraction"))
  var maxBad: String?
}
