internal import ArgumentParser
internal import Configuration
internal import DataTools
internal import Detection
private import Interchange
private import Sessions
private import Tasks

struct Align: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "align",
    abstract: "Writes photos aligned by five points to InsightFace's template.",
    discussion: """
      The points are those of a file, or of the faces that a detector finds.

      Lines of --landmarks FILE are 'path x1 y1 ... x5 y5', eyes, nose and corners of the mouth in \
      pixels of the upright photo. Photos without a line are left out and counted.

      --detector FILE is YuNet's ONNX file, --detector FOLDER one with MTCNN's pnet.pt, rnet.pt and \
      onet.pt, as the facenet-pytorch package has them in its folder data; docs/data.md says where \
      they are published. Photos may have any size and any number of faces; those without a face \
      are named. With --points the table of what was found is written, which --landmarks \
      reads, with --html a page of it with pictures.

      The exit status is 1 where a photo cannot be used.

      EXAMPLES
        ddp-train align photos aligned --landmarks points.txt
        ddp-train align photos aligned --landmarks points.txt --size 128 --quality 100
        ddp-train align photos aligned --detector yunet.onnx --points points.csv
        ddp-train align photos aligned --detector yunet.onnx --html found.html
        ddp-train align photos aligned --detector facenet_pytorch/data --faces centred
        mpirun --bind-to none -np 4 ddp-train align photos aligned --detector yunet.onnx --faces all
      """)

  @Argument(
    help: "Photos, in any form that --data takes.", completion: .file(),
    transform: UserPath.read)
  var data: String

  @Argument(
    help: "The folder to write, which must be empty or not there.", completion: .directory,
    transform: UserPath.read)
  var out: String

  @Option(as: \.landmarks) var landmarks: String?

  @Option(
    help: ArgumentHelp(
      "A detector that finds the points: YuNet's ONNX file, or the folder of MTCNN's pnet.pt, "
        + "rnet.pt and onet.pt.", valueName: "file.onnx|folder"),
    completion: .file(), transform: UserPath.read)
  var detector: String?

  @Option(
    help: ArgumentHelp(
      "Which faces of a photo are written: largest, centred or all (largest).", valueName: "which"),
    completion: .names(of: FaceChoice.self))
  var faces: FaceChoice?

  @Option(
    help: ArgumentHelp(
      "The least score of a face, 0 to 1 (YuNet 0.6, MTCNN 0.7).", valueName: "s"))
  var score: Double?

  @Option(
    help: ArgumentHelp(
      "The table of points, scores and boxes to write, a line a face.", valueName: "file.csv"),
    completion: .file(extensions: ["csv"]), transform: UserPath.read)
  var points: String?

  @Option(
    help: ArgumentHelp(
      "A page of what the detector found, with pictures, to write.", valueName: "file"),
    completion: .file(extensions: ["html"]), transform: UserPath.read)
  var html: String?

  @Option(help: ArgumentHelp("Side of an aligned photo in pixels, or HxW.", valueName: "n|hxw"))
  var size = "112"

  @Option(help: ArgumentHelp("JPEG quality, 1 to 100.", valueName: "q"))
  var quality = 98

  @Option(as: \.threads, "Threads") var threads: Int?

  func validate() throws {
    guard (1...100).contains(quality) else {
      throw ValidationError("--quality \(quality) is not 1 to 100")
    }
    if AlignRequest(data: data, out: out, landmarks: "", size: size) == nil {
      throw ValidationError("--size '\(size)' is no size in pixels such as 112 or 140x116")
    }
    if landmarks != nil, detector != nil {
      throw ValidationError("--landmarks and --detector both say where faces are; remove one")
    }
    guard landmarks != nil || detector != nil else {
      throw ValidationError("Give --landmarks FILE, or --detector FILE to find the points")
    }
    if detector == nil {
      for (name, isGiven) in [
        ("--faces", faces != nil), ("--score", score != nil), ("--points", points != nil),
        ("--html", html != nil),
      ] where isGiven {
        throw ValidationError("\(name) belongs to --detector")
      }
    }
    try DetectorArguments.check(score: score)
  }

  func run() throws {
    if let landmarks {
      // One process aligns by a file; all ranks share what a detector has to look at.
      guard Dispatch.isForThisProcess("align") else { return }
      let request = AlignRequest(data: data, out: out, landmarks: landmarks, size: size)
      guard var request else { return }
      request.quality = quality
      request.threads = threads
      let (lines, isGood) = try request.run()
      for line in lines { StandardOutput.print(line) }
      if !isGood { throw ExitCode.failure }
    } else if let detector {
      let request = DetectRequest(data: data, out: out, detector: detector, size: size)
      guard var request else { return }
      request.points = points
      request.html = html
      request.faces = faces ?? request.faces
      request.score = score
      request.quality = quality
      request.threads = threads
      let code = Dispatch.task { communicator in
        let (lines, isGood) = try request.answer(over: communicator)
        return TaskAnswer(lines: lines, isGood: isGood)
      }
      if code != 0 { throw ExitCode(code) }
    }
  }
}

extension FaceChoice: ExpressibleByArgument {}
