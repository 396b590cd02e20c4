internal import ArgumentParser
internal import DataTools
private import Interchange
private import Sessions

struct Pack: WorkForOne {
  static let configuration = CommandConfiguration(
    commandName: "pack",
    abstract: "Writes photos as one file that MXNet or WebDataset reads.",
    discussion: """
      rec is MXNet RecordIO as InsightFace lays it out: OUT.rec with .idx, .lst and property beside \
      it, or train.rec and so on in a folder OUT. tar is a WebDataset shard. Photos keep their bytes \
      and their order: training on the pack gives the weights of training on the folder.

      EXAMPLES
        ddp-train pack photos --to rec --out packs/photos
        ddp-train pack photos --to tar --out photos.tar
        ddp-train train --data packs/photos --epochs 20
      """)

  @Argument(
    help: "Photos, in any form that --data takes.", completion: .file(),
    transform: UserPath.read)
  var data: String

  @Option(help: ArgumentHelp("rec or tar.", valueName: "format"))
  var to: String

  @Option(
    help: ArgumentHelp("What to write.", valueName: "path"), completion: .file(),
    transform: UserPath.read)
  var out: String

  func validate() throws {
    if PackRequest(data: data, form: to, out: out) == nil {
      throw ValidationError("--to '\(to)' is neither rec nor tar")
    }
  }

  func run() throws {
    guard let request = PackRequest(data: data, form: to, out: out) else { return }
    // From here on a signal asks, so that no half of a pack is left.
    StopSignals.install()
    for line in try request.run() { StandardOutput.print(line) }
  }
}
