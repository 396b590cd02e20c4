internal import ArgumentParser
internal import Configuration
internal import DataTools
private import Datasets
private import Interchange
private import Sessions

struct Synthesize: WorkForOne {
  static let configuration = CommandConfiguration(
    commandName: "synthesize",
    abstract: "Draws people and writes their photos as an image folder.",
    discussion: """
      EXAMPLES
        ddp-train synthesize faces --people 50 --photos 10
        ddp-train synthesize faces --people 1000 --photos 20 --size 128 --seed 7
      """)

  @Argument(
    help: "The folder to write, which must not hold photos yet.", completion: .directory,
    transform: UserPath.read)
  var out: String

  @Option(help: ArgumentHelp("Number of people.", valueName: "n"))
  var people = 50

  @Option(help: ArgumentHelp("Photos of each person.", valueName: "m"))
  var photos = 10

  @Option(help: ArgumentHelp("Side of a photo in pixels.", valueName: "s"))
  var size = 112

  @Option(help: ArgumentHelp("Other seeds draw other people.", valueName: "n"))
  var seed: UInt64 = 1

  func validate() throws {
    try Checks.positive(people, "--people")
    try Checks.positive(photos, "--photos")
    // Beyond what any disk has files for; the product must fit.
    guard people <= 1_000_000_000, photos <= 1_000_000 else {
      throw ValidationError("give at most 1000000000 --people and 1000000 --photos")
    }
    if !(16...1024).contains(size) {
      throw ValidationError("--size \(size) is not 16 to 1024 pixels")
    }
  }

  func run() throws {
    let request = SynthesizeRequest(
      out: out, faces: SyntheticData(people: people, photos: photos, size: size), seed: seed)
    for line in try request.run() { StandardOutput.print(line) }
  }
}
