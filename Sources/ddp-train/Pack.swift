internal import ArgumentParser
internal import Configuration
internal import DataTools
private import Datasets
private import Interchange
private import Sessions

struct Pack: WorkForOne {
  static let configuration = CommandConfiguration(
    commandName: "pack",
    abstract: "Writes photos as one file that MXNet, WebDataset or InsightFace reads.",
    discussion: """
      rec is MXNet RecordIO as InsightFace lays it out: OUT.rec with .idx, .lst and property beside \
      it, or train.rec and so on in a folder OUT. tar is a WebDataset shard. Photos keep their bytes \
      and their order: training on the pack gives the weights of training on the folder. bin is a \
      verification set as InsightFace's lfw.bin, of the pairs of --pairs; its readers expect photos \
      that are aligned to 112x112 (ddp-train align).

      Photos that cannot be decoded are named and left out of rec and tar; where they are more than \
      --max-bad (0.01), and for a bin where there is one, nothing is written and the exit status is 1.

      EXAMPLES
        ddp-train pack photos --to rec --out packs/photos
        ddp-train pack photos --to tar --out photos.tar
        ddp-train pack photos --exclude drop.txt --to rec --out packs/cleaned
        ddp-train pack aligned --to bin --pairs pairs.txt --out own.bin
        ddp-train train --data packs/photos --epochs 20
      """)

  @Argument(
    help: "Photos, in any form that --data takes.", completion: .file(),
    transform: UserPath.read)
  var data: String

  @Option(help: ArgumentHelp("rec, tar or bin.", valueName: "format"))
  var to: String

  @Option(
    help: ArgumentHelp("The pairs of a bin, in any form that evaluate reads.", valueName: "file"),
    completion: .file(), transform: UserPath.read)
  var pairs: String?

  @Option(
    help: ArgumentHelp("What to write.", valueName: "path"), completion: .file(),
    transform: UserPath.read)
  var out: String

  @Option(as: \.exclude) var exclude: String?

  @Option(as: \.maxBad) var maxBad: Double?

  func validate() throws {
    if to == "bin" {
      if maxBad != nil { throw ValidationError("--max-bad belongs to --to rec and tar") }
      if exclude != nil { throw ValidationError("--exclude belongs to --to rec and tar") }
      if pairs == nil { throw ValidationError("--to bin needs --pairs FILE") }
      if !out.hasSuffix(".bin") {
        throw ValidationError("--out '\(out)' does not end in .bin, by which evaluate knows it")
      }
      return
    }
    if PackRequest(data: data, form: to, out: out) == nil {
      throw ValidationError("--to '\(to)' is neither rec nor tar nor bin")
    }
    if pairs != nil { throw ValidationError("--pairs belongs to --to bin") }
  }

  func run() throws {
    // From here on a signal asks, so that no half of a pack is left.
    StopSignals.install()
    for line in try pack() { StandardOutput.print(line) }
  }

  /// Writes the pack; what to say. Bad photos that are too many are named before the error.
  private func pack() throws -> [String] {
    if let pairs { return try BinRequest(data: data, pairs: pairs, out: out).run() }
    guard var request = PackRequest(data: data, form: to, out: out) else { return [] }
    request.maxBad = maxBad ?? request.maxBad
    request.exclude = exclude
    do {
      return try request.run()
    } catch DatasetError.tooManyBadPhotos(let count, let total, let limit, let list) {
      for line in list { StandardOutput.complain("bad photo: \(line)") }
      throw DatasetError.tooManyBadPhotos(count: count, total: total, limit: limit, list: [])
    }
  }
}
