internal import ArgumentParser
internal import Configuration
internal import Datasets
private import Foundation
private import Interchange
internal import Measuring
internal import Sweeps
private import Training

struct Sweep: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sweep",
    abstract: "Repeats an experiment of the FaceNet paper, as a table.",
    discussion: """
      KINDS                  --values, in place of the kind's own
        quantization         bits a number: what embeddings of fewer bytes cost
        jpeg-quality         qualities at which photos are compressed again
        image-size           sides in pixels to which faces are reduced
        crop                 sides of the central crop; with --landmarks also the aligned crop
        video-frames         numbers of frames of person/video/frame.jpg
        compatibility        none; --with NEW: embeddings of CHECKPOINT against those of NEW
        embedding-dimension  sizes of embeddings, each trained by --config
        training-size        shares of the training people, each trained by --config

      EXAMPLES
        ddp-train sweep quantization runs/lfw --data photos --pairs pairs.txt
        ddp-train sweep jpeg-quality runs/lfw --data photos --pairs pairs.txt --csv jpeg.csv
        ddp-train sweep video-frames runs/lfw --data videos --values 1,10,100
        ddp-train sweep embedding-dimension --config lfw.yaml --data photos --out runs/dims
      """)

  @Argument(help: "The experiment.")
  var kind: SweepKind

  @Argument(
    help: "A checkpoint file, or a run folder.", completion: .file(),
    transform: UserPath.read)
  var checkpoint: String?

  @Option(as: \.data) var data: DataSource?

  @Option(
    help: ArgumentHelp(
      "Pairs to verify, in LFW's format; of videos: fold, video, video, 0|1.",
      valueName: "file"), completion: .file(),
    transform: UserPath.read)
  var pairs: String?

  @Option(help: ArgumentHelp("What to run through, with commas between.", valueName: "list"))
  var values: String?

  @Option(
    help: ArgumentHelp("The new network of compatibility.", valueName: "checkpoint"),
    completion: .file(),
    transform: UserPath.read)
  var with: String?

  @Option(config: "A YAML file of options of train, for kinds that train") var config: String?

  @Option(as: \.split, "Who trains, for kinds that train")
  var split: DataSplit?

  @Option(
    help: ArgumentHelp("The folder of the runs of kinds that train.", valueName: "dir"),
    completion: .directory,
    transform: UserPath.read)
  var out: String?

  @Option(as: \.exclude) var exclude: String?

  @Option(as: \.landmarks) var landmarks: String?

  @Flag(as: \.flipTest) var flipTest: Bool?

  @Option(as: \.maxBad) var maxBad: Double?

  @Option(
    help: ArgumentHelp("The table to write.", valueName: "file"),
    completion: .file(extensions: ["csv"]),
    transform: UserPath.read)
  var csv: String?

  @Option(as: \.threads) var threads: Int?

  @Flag(help: "Only the table on standard output.")
  var quiet = false

  func validate() throws {
    if kind.trains {
      if checkpoint != nil || with != nil || landmarks != nil {
        throw ValidationError(
          "\(kind.rawValue) trains its networks: --config, --data, --pairs, and no checkpoint")
      }
      guard out != nil else { throw ValidationError("\(kind.rawValue) needs --out DIR") }
    } else {
      guard checkpoint != nil else { throw ValidationError("Give a CHECKPOINT") }
      guard data != nil else { throw ValidationError("A checkpoint needs --data DIR") }
      if config != nil || split != nil || out != nil {
        throw ValidationError("--config, --split and --out belong to the kinds that train")
      }
    }
    if (with != nil) != (kind == .compatibility) {
      throw ValidationError("compatibility and --with CHECKPOINT go together")
    }
    if values != nil, kind == .compatibility {
      throw ValidationError("compatibility runs through no --values")
    }
    _ = try numbers()
  }

  private func numbers() throws -> [Double] {
    guard let values else { return [] }
    let numbers = try values.split(separator: ",", omittingEmptySubsequences: false).map { part in
      let text = part.trimmingCharacters(in: .whitespaces)
      guard let number = DecimalNumber.read(text) else {
        throw ValidationError(
          "--values '\(values)': '\(text)' is not a number; give numbers with commas between")
      }
      return number
    }
    for (place, number) in numbers.enumerated() where numbers[..<place].contains(number) {
      throw ValidationError(
        "--values '\(values)' has "
          + "\(RunConfiguration.text(of: number)) twice; keep one")
    }
    return numbers
  }

  func run() throws {
    var evaluation = EvaluateRequest(source: .checkpoint(checkpoint ?? ""), quiet: quiet)
    evaluation.data = data
    evaluation.pairs = pairs.map { [$0] } ?? []
    evaluation.exclude = exclude
    evaluation.landmarks = landmarks
    evaluation.flipTest = flipTest
    evaluation.maxBad = maxBad
    evaluation.threads = threads
    var request = SweepRequest(kind, evaluation)
    request.values = try numbers()
    request.other = with
    request.csv = csv
    if kind.trains {
      request.configurationFile = config
      let flags: [ConfigurationAssignment?] = [
        data.map { .flag(\.data, $0) }, split.map { .flag(\.split, $0) },
        pairs.map { .flag(\.pairs, [$0]) }, out.map { .flag(\.out, $0) },
        exclude.map { .flag(\.exclude, $0) }, flipTest.map { .flag(\.flipTest, $0) },
        maxBad.map { .flag(\.maxBad, $0) },
      ]
      request.training = try RunConfiguration.resolve(
        file: config, flags: flags.compactMap { $0 })
    }
    let code = Dispatch.answer(hearsSignals: kind.trains) {
      try request.answer(over: $0) { try TrainingJob.run($0, in: $1) == .finished }
    }
    if code != 0 { throw ExitCode(code) }
  }
}

extension SweepKind: ExpressibleByArgument {}
