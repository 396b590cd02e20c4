internal import ArgumentParser
internal import Configuration
internal import DataTools
private import Interchange
private import Sessions

struct Align: WorkForOne {
  static let configuration = CommandConfiguration(
    commandName: "align",
    abstract: "Writes photos aligned by five points to InsightFace's template.",
    discussion: """
      Lines of FILE are 'path x1 y1 ... x5 y5', eyes, nose and corners of the mouth in pixels of the \
      upright photo. Photos without a line are left out and counted. The exit status is 1 where a \
      photo cannot be used.

      EXAMPLES
        ddp-train align photos aligned --landmarks points.txt
        ddp-train align photos aligned --landmarks points.txt --size 128 --quality 100
      """)

  @Argument(
    help: "Photos, in any form that --data takes.", completion: .file(),
    transform: UserPath.read)
  var data: String

  @Argument(
    help: "The folder to write, which must be empty or not there.", completion: .directory,
    transform: UserPath.read)
  var out: String

  @Option(required: \.landmarks) var landmarks: String

  @Option(help: ArgumentHelp("Side of an aligned photo in pixels, or HxW.", valueName: "n|hxw"))
  var size = "112"

  @Option(help: ArgumentHelp("JPEG quality, 1 to 100.", valueName: "q"))
  var quality = 98

  @Option(as: \.threads, "Threads") var threads: Int?

  func validate() throws {
    guard (1...100).contains(quality) else {
      throw ValidationError("--quality \(quality) is not 1 to 100")
    }
    if AlignRequest(data: data, out: out, landmarks: landmarks, size: size) == nil {
      throw ValidationError("--size '\(size)' is no size in pixels such as 112 or 140x116")
    }
  }

  func run() throws {
    let request = AlignRequest(data: data, out: out, landmarks: landmarks, size: size)
    guard var request else { return }
    request.quality = quality
    request.threads = threads
    let (lines, isGood) = try request.run()
    for line in lines { StandardOutput.print(line) }
    if !isGood { throw ExitCode.failure }
  }
}
