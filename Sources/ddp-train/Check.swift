internal import ArgumentParser
internal import Configuration
internal import DataTools
private import Interchange
private import Sessions

struct Check: WorkForOne {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Looks for what is wrong with photos before anybody trains on them.",
    discussion: """
      Decodes every photo. Errors are photos that cannot be used, one photo under the names of \
      several people, and people who are in an evaluation set too. People of a list of pairs are \
      found by name, those of a .bin by the bytes of their photos. What is passed over is counted by \
      ending and by folder; what is most likely not meant is a warning.

      The last line is the verdict: 'verdict: sound', or the numbers of errors and warnings, as in \
      'verdict: 2 errors, 1 warning'. With --json it is the member verdict: sound, warnings, errors.

      EXIT CODES
        0  no errors, be there warnings or not
        1  errors, or data that cannot be opened

      EXAMPLES
        ddp-train check photos
        ddp-train check faces_emore --pairs lfw.bin --json
        ddp-train check photos --pairs lfw/pairs.txt
      """)

  @Argument(
    help: "Photos, in any form that --data takes.", completion: .file(),
    transform: UserPath.read)
  var data: String

  @Option(
    help: ArgumentHelp(
      "An evaluation set, whose people must not be in the data; may be repeated.",
      valueName: "file"), completion: .file(),
    transform: UserPath.read)
  var pairs: [String] = []

  @Flag(help: "Print one JSON object.")
  var json = false

  @Option(as: \.threads, "Threads") var threads: Int?

  func run() throws {
    var request = CheckRequest(data: data)
    request.pairs = pairs
    request.printsJSON = json
    request.threads = threads
    let (lines, isGood) = try request.run()
    for line in lines { StandardOutput.print(line) }
    if !isGood { throw ExitCode.failure }
  }
}
