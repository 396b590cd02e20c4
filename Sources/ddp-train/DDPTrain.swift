internal import ArgumentParser
private import MPICollectives
private import Sessions

struct DDPTrain: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ddp-train",
    abstract: "Trains face-embedding networks on the CPUs of one machine or of a cluster.",
    discussion: """
      Without arguments it trains a small network on faces that it draws itself, \
      and shows how well it tells people apart that it never trained on.

      EXAMPLES
        ddp-train                                  the demo, in one process
        mpirun --bind-to none -np 4 ddp-train      the same weights, from four processes
        mpirun --bind-to none -np 4 ddp-train train --config lfw.yaml --data photos
        ddp-train evaluate runs/lfw --data photos --pairs pairs.txt
        ddp-train embed runs/lfw --data photos --out faces.npy
        ddp-train verify runs/lfw a.jpg b.jpg
        ddp-train identify runs/lfw --gallery known photo.jpg
        ddp-train cluster runs/lfw album --html album.html
        ddp-train ijb runs/ms1m IJBC
        ddp-train tinyface runs/ms1m tinyface/Testing_Set
        ddp-train sweep jpeg-quality runs/lfw --data photos --pairs pairs.txt
        ddp-train import backbone.pth --model iresnet50 --normalize half --channels rgb --out r50.safetensors
        ddp-train export runs/lfw --to onnx --out faces.onnx
        ddp-train inspect runs/lfw
        ddp-train compare runs/one runs/two
        mpirun --bind-to none -np 4 ddp-train doctor --model iresnet50
        ddp-train check photos --pairs pairs.txt
        ddp-train pairs photos --out pairs.txt
        ddp-train pack photos --to rec --out packs/photos
        ddp-train align photos aligned --landmarks points.txt
        ddp-train synthesize faces --people 50 --photos 10

      EXIT CODES
        0   done
        1   something failed; standard error says what, where and what to do
        64  the command line or the configuration is wrong
        85  stopped with a checkpoint and more to do: --resume auto goes on

      Shell completions: ddp-train --generate-completion-script bash|zsh|fish
      """,
    version: "\(Version.current), \(MPIWorld.libraryVersion)",
    subcommands: [
      Train.self, Evaluate.self, Embed.self, Verify.self, Identify.self, Cluster.self, Sweep.self,
      IJB.self, TinyFace.self, Import.self, Export.self, Inspect.self, Card.self, Compare.self,
      Pairs.self,
      Pack.self, Check.self,
      Align.self, Synthesize.self,
      Doctor.self,
    ],
    defaultSubcommand: Train.self)
}
