internal import ArgumentParser
internal import Configuration
internal import Faults
private import Interchange
private import Training

struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Trains a network (the default command).",
    discussion: """
      Every option is also a key of the YAML file of --config, by its long name; \
      options win over the file, the file over the defaults, which are those of \
      the demo. The run folder holds the resolved configuration as config.yaml, \
      which --config takes again. Naming another loss, optimizer, schedule or \
      model takes that one's own defaults for what belongs to it.

      EXAMPLES
        mpirun --bind-to none -np 2 ddp-train train
        ddp-train train --data photos --split people-random:0.9 --epochs 20
        ddp-train train --config lfw.yaml --data photos --dry-run
        mpirun --bind-to none -np 8 ddp-train train --config lfw.yaml --data photos \\
          --out runs/lfw --resume auto
        ddp-train train --resume auto --out runs/lfw --change lr=0.01

      EXIT CODES
        85  stopped with a checkpoint and more to do: --resume auto goes on
      """)

  @Option(config: "A YAML file of options") var config: String?

  @OptionGroup(title: Sections.Data.title) var dataOptions: TableOptions<Sections.Data>
  @OptionGroup(title: Sections.Model.title) var modelOptions: TableOptions<Sections.Model>
  @OptionGroup(title: Sections.Triplets.title) var tripletOptions: TableOptions<Sections.Triplets>
  @OptionGroup(title: Sections.Optimizer.title)
  var optimizerOptions: TableOptions<Sections.Optimizer>
  @OptionGroup(title: Sections.Run.title) var runOptions: TableOptions<Sections.Run>

  @Option(
    help: ArgumentHelp(
      "A run that is resumed goes on with another value, such as lr=0.01; may be repeated.",
      valueName: "name=value"),
    completion: .list(ConfigurationOption.changeable.sorted().map { "\($0)=" }))
  var change: [String] = []

  @Option(
    help: ArgumentHelp(
      "For tests: a rank goes wrong at the end of a step, KIND:rank=R,step=S (docs/faults.md).",
      valueName: "fault", visibility: .hidden))
  var inject: [String] = []

  /// The options of the table that were given.
  var given: [ConfigurationAssignment] {
    dataOptions.given + modelOptions.given + tripletOptions.given + optimizerOptions.given
      + runOptions.given
  }

  func run() throws {
    let request = try RunRequest(
      file: config, flags: given, changes: change.map(ConfigurationAssignment.init(change:)))
    let faults = try inject.map { text in
      try Checks.from("--inject") { try InjectedFault(argument: text) }
    }
    let code = Dispatch.train(request, injecting: faults)
    if code != 0 { throw ExitCode(code) }
  }
}
