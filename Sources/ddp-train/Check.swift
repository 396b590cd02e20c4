internal import ArgumentParser
internal import Cleaning
private import Collectives
internal import Configuration
internal import DataTools
private import EmbeddingFiles
private import Interchange
private import Measuring
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

      With --embeddings, which embed writes, it decodes nothing and compares the embeddings, or with \
      a checkpoint there those that it has of the photos: people who are one, strangers among the photos of a person, copies of a photo, and, with --against \
      embeddings of an evaluation set, people who are in it too. With --sub-centres, photos far from \
      the main centre that a run with several has of their person, and of the rest what is asked for. \
      --out writes a list for --exclude \
      of train, --html a page, with pictures where the photos are given.

      EXIT CODES
        0  no errors, be there warnings or not; all that was found stands in --out
        1  errors, or data that cannot be opened; findings, and no --out to write them to

      EXAMPLES
        ddp-train check photos
        ddp-train check faces_emore --pairs lfw.bin --json
        ddp-train check photos --pairs lfw/pairs.txt
        ddp-train check --embeddings faces.npy --against lfw.npy --out drop.txt
        ddp-train check photos --embeddings faces.npy --out drop.txt --html found.html
        ddp-train check photos --embeddings runs/lfw --out drop.txt
        ddp-train check photos --embeddings runs/sub --sub-centres --out drop.txt
      """)

  @Argument(
    help: "Photos, in any form that --data takes; may be left out with --embeddings.",
    completion: .file(), transform: UserPath.read)
  var data: String?

  @Option(
    help: ArgumentHelp(
      "An evaluation set, whose people must not be in the data; may be repeated.",
      valueName: "file"), completion: .file(),
    transform: UserPath.read)
  var pairs: [String] = []

  @Option(as: \.exclude) var exclude: String?

  @OptionGroup var cleaning: CleaningArguments

  @Flag(help: "Print one JSON object.")
  var json = false

  @Option(as: \.threads, "Threads") var threads: Int?

  func validate() throws {
    try cleaning.check()
    if cleaning.embeddings != nil {
      guard pairs.isEmpty else {
        throw ValidationError(
          "--pairs are found by names and bytes, and --embeddings reads neither; give --against "
            + "with the embeddings of the set")
      }
      guard !cleaning.subCentres || data != nil else {
        throw ValidationError("--sub-centres takes photos too: check DATA --embeddings RUN")
      }
    } else if data == nil {
      throw ValidationError("Give the photos, or --embeddings")
    }
  }

  func run() throws {
    let (lines, isGood) = try answer()
    for line in lines { StandardOutput.print(line) }
    if !isGood { throw ExitCode.failure }
  }

  private func answer() throws -> (lines: [String], isGood: Bool) {
    if var request = cleaning.request {
      (request.data, request.exclude) = (data, exclude)
      (request.printsJSON, request.threads) = (json, threads)
      if let data, EmbedRequest.mayEmbed(request.embeddings) {
        var embed = EmbedRequest(
          checkpoint: request.embeddings, data: .folder(data), quiet: json)
        embed.exclude = exclude
        embed.threads = threads
        embed.takesCentres = cleaning.subCentres
        request.rows = try embed.run(over: SoloCommunicator())
        request.centres = request.rows?.centres
      } else if cleaning.subCentres {
        throw ValidationError(
          "--sub-centres takes a run or a checkpoint for --embeddings, which \(request.embeddings) is "
            + "not")
      }
      return try request.run()
    }
    var request = CheckRequest(data: data ?? "")
    request.pairs = pairs
    request.exclude = exclude
    request.printsJSON = json
    request.threads = threads
    return try request.run()
  }
}
