/// What other programs of the field call options and their values.
package enum UsualNames {
  /// Names of options and values here, each with what they are called elsewhere, in small letters
  /// with hyphens.
  private static let table: KeyValuePairs<String, String> = [
    "data":
      "dataset data-dir data-path data-root dataset-path train-dir train-data rec root folder",
    "split": "val-split train-split validation-split holdout",
    "min-photos": "min-images min-images-per-person min-samples min-instances",
    "exclude": "ignore blacklist skip-list drop-list cleaned-list noise-list",
    "image-size": "img-size input-size size im-size img-dim",
    "crop": "center-crop crop-size",
    "landmarks": "keypoints points landmark",
    "normalize": "normalization mean-std",
    "augment": "augmentation augmentations aug transform transforms data-augmentation",
    "max-bad": "max-errors skip-bad",
    "model": "arch architecture backbone network net model-name",
    "width": "width-mult width-multiplier",
    "embedding": "embedding-size embedding-dim emb-size emb-dim feature-dim feat-dim num-features",
    "dropout": "drop drop-rate dropout-rate p-drop",
    "batch-norm": "bn batchnorm use-bn",
    "precision": "dtype amp autocast fp16 bf16 bfloat16 mixed-precision half",
    "init": "pretrained weights load load-weights init-from init-checkpoint finetune",
    "loss": "criterion loss-fn loss-name loss-type head margin-loss",
    "scale": "s logit-scale arcface-s",
    "margin": "m alpha margins arcface-m",
    "norm-concentration": "h adaface-h",
    "statistics-rate": "t-alpha ema-alpha",
    "margin-deviation": "margin-std elastic-std",
    "label-smoothing": "smoothing label-smooth ls smooth-factor",
    "sub-centres": "sub-centers subcenters subcenter k-centers num-subcenters",
    "teacher": "distill distillation kd teacher-embeddings teacher-model teacher-checkpoint",
    "teacher-weight": "distill-weight kd-weight distillation-weight lambda",
    "mining": "miner mine",
    "people-per-batch": "num-ids ids-per-batch classes-per-batch p",
    "photos-per-person": "num-instances instances images-per-person samples-per-class k",
    "batch": "batch-size global-batch-size total-batch-size train-batch-size bs batchsize",
    "microbatch": """
    micro-batch-size micro-batch microbatch-size per-device-batch-size grad-accum \
    accumulation-steps gradient-accumulation-steps iter-size
    """,
    "drop-last": "droplast drop-tail",
    "sampling": "sampler balanced-sampling class-balanced-sampling weighted-sampler",
    "threads": "num-threads nthreads workers num-workers cpus jobs omp-num-threads",
    "epochs": "epoch num-epochs num-epoch n-epochs max-epochs max-epoch nb-epochs",
    "steps": "max-steps num-steps total-steps iterations iters max-iter max-iters num-iterations",
    "seed": "random-seed manual-seed rng-seed",
    "reduce": "allreduce all-reduce reduction compression gradient-compression",
    "head": "partial-fc pfc model-parallel",
    "shard-optimizer": "zero zero1 zero-redundancy fsdp",
    "optimizer": "optim opt solver optimizer-name",
    "momentum": "mom",
    "weight-decay": "wd l2 decay weightdecay",
    "clip-norm": "grad-clip clip-grad clip-grad-norm max-norm max-grad-norm gradient-clip clip",
    "ema": "ema-decay model-ema averaging moving-average-decay swa polyak",
    "lr": "learning-rate base-lr initial-lr init-lr learningrate rate",
    "lr-head": "head-lr fc-lr classifier-lr",
    "lr-scale": "lr-mult layer-lr layer-decay discriminative-lr param-groups",
    "freeze": "frozen freeze-backbone freeze-layers part-freeze requires-grad",
    "schedule": "scheduler lr-schedule lr-scheduler lr-policy sched",
    "warmup-epochs": "warmup warm-up warmup-epoch warm-up-epochs warmup-steps num-warmup-steps",
    "milestones": "lr-milestones lr-steps decay-epochs decay-epoch lr-step-epochs",
    "gamma": "lr-gamma lr-decay decay-rate lr-factor",
    "min-lr": "eta-min lr-min min-learning-rate final-lr end-lr",
    "evaluate-every": """
    eval-every val-every evaluate-interval eval-interval val-interval validate-every eval-freq \
    eval-steps val-freq
    """,
    "pairs": "val-pairs val-targets eval-pairs lfw-pairs targets pairs-file",
    "flip-test": "tta flip-eval",
    "out": "output out-dir output-dir output-path save-dir work-dir log-dir run-dir result-dir",
    "resume": "resume-from load-checkpoint resume-from-checkpoint continue auto-resume",
    "checkpoint-every": """
    checkpoint-interval save-interval save-every save-freq ckpt-every save-steps \
    checkpoint-freq
    """,
    "keep": "keep-last max-to-keep save-total-limit keep-checkpoint-max",
    "keep-best": "save-best",
    "patience": "early-stopping early-stop early-stopping-patience",
    "tensorboard": "tb use-tensorboard",
    "timeline": "trace profile profiler",
    "quiet": "silent q",
    "dry-run": "dryrun",
    "config": "cfg config-file configuration",
    // Commands.
    "evaluate": "eval test val validate verification benchmark score",
    "embed": "extract encode features predict infer inference embeddings",
    "inspect": "info show describe summary",
    "export": "convert save onnx",
    "pack": "im2rec rec2image convert-dataset",
    "synthesize": "generate synth",
    "compare": "diff",
    // Values.
    "softmax": "cross-entropy crossentropy ce ce-loss cross-entropy-loss",
    "normalized-softmax": "normface norm-softmax l2-softmax",
    "arcface": "arc-face arcface-loss arcmargin arc insightface aam-softmax",
    "cosface": "cos-face am-softmax amsoftmax lmcl cosface-loss",
    "combined": "combined-margin combined-margin-loss cm",
    "adaface": "ada-face adaface-loss",
    "curricularface": "curricular-face curricular-loss",
    "elastic-arcface": "elasticarcface elasticface elasticface-arc elastic-arc",
    "elastic-cosface": "elasticcosface elasticface-cos elastic-cos",
    "magface": "mag-face magface-loss",
    "uniface": "uni-face uce unified-cross-entropy unitsface",
    "triplet": "triplet-loss facenet-loss triplet-margin",
    "sgd": "momentum-sgd sgdm",
    "adamw": "adam adam-w",
    "cosine": "cosine-annealing cosine-decay cos cosineannealinglr",
    "step": "multistep multi-step step-lr multisteplr piecewise",
    "polynomial": "poly linear linear-decay poly-lr",
    "constant": "fixed none const",
    "mobilefacenet": "mbf mobile-facenet mobileface mobilefacenets mobile-face-net",
    "inception-resnet-v1": "facenet inceptionresnetv1 inception-resnet inception-resnetv1",
    "flip": "horizontal-flip hflip mirror random-flip",
    "erase": "random-erasing cutout erasing",
    "color": "colour jitter color-jitter colorjitter",
    "semi-hard": "semihard",
    "people-random": "random-people identities",
  ]

  /// The one of `candidates` that `word` most likely means elsewhere; nil where it is not known.
  package static func meaning(of word: String, among candidates: [String]) -> String? {
    let plain = word.lowercased().map { $0 == "_" || $0 == " " ? "-" : String($0) }.joined()
    if candidates.contains(plain) { return plain }
    if let depth = resNetDepth(plain), let name = residual(depth, among: candidates) { return name }
    return table.first { name, others in
      candidates.contains(name) && others.split(separator: " ").contains { $0 == plain }
    }?.key
  }

  /// `r50`, `ir-50`, `ir-se50`, `iresnet-50`, `resnet-50`: the depth.
  private static func resNetDepth(_ word: String) -> (prefix: String, depth: Int)? {
    let letters = word.prefix { !$0.isNumber }
    guard let depth = Int(word.dropFirst(letters.count)) else { return nil }
    let prefix = letters.filter { $0 != "-" }
    return ["r", "ir", "irse", "iresnet", "arcfacer", "resnet", "aixresnet"].contains(prefix)
      ? (prefix, depth) : nil
  }

  private static func residual(
    _ word: (prefix: String, depth: Int), among candidates: [String]
  ) -> String? {
    let kind =
      switch word.prefix {
      case "resnet": "resnet"
      case "aixresnet": "aix-resnet"
      default: "iresnet"
      }
    let name = "\(kind)\(word.depth)"
    return candidates.contains(name) ? name : nil
  }
}
