internal import Datasets
internal import Losses
internal import Networks

// The options of data, network and loss, in the order of the written configuration and of the help;
// those of steps and of the run are in OptionTable+Steps.swift and OptionTable+Run.swift. Entries
// are explained at `option`; what two options must hold together is in
// ConfigurationValidation.swift.

extension ConfigurationOption {
  @Table static var dataOptions: [ConfigurationOption] {
    option(
      .data, "data", \.data, .data,
      "An image folder (person/photo.jpg), a RecordIO pack, WebDataset shards, an LMDB, an "
        + "imagefolder with metadata or a list of photos; folder:PATH takes PATH as an image "
        + "folder whatever else lies in it; or synthetic[:people=N,photos=M,size=S]",
      value: "path|synthetic", completion: anyFile)
    option(
      .data, "split", \.split, .split,
      "What trains: all, random:N or first:N photos, people:FILE, people-random:FRACTION; the rest "
        + "measures", value: "split")
    option(.data, "split-seed", \.splitSeed, .seed, "Seed of the random splits", value: "n")
    option(
      .data, "min-photos", \.minPhotos, atLeast(0),
      "Leave out people with fewer photos", "; 0 gives all a class", value: "k")
    option(
      .data, "exclude", \.exclude, path.place("a file").orNil("none"),
      "Photos and people to leave out, one a line, or NAME, tab, =PERSON whose photos they are; "
        + "check --embeddings writes one",
      value: "file", completion: anyFile)
    option(
      .data, "image-size", \.imageSize,
      .imageSize.sides(within: 8...1024),
      "The network's input in pixels, side or HxW; a --model brings its own", value: "n|hxw",
      follows: .model,
      usual: { configuration in
        let image = configuration.model.image
        return ImageSize(height: image.height, width: image.width)
      })
    option(
      .data, "resize", \.resize, pixels.orNil("none"),
      "Shorter side of the photo before the crop", value: "n",
      idle: [.aligned, .inRuns("without crop", or: "give crop") { $0.crop == nil }])
    option(
      .data, "crop", \.crop, pixels.orNil("none"), "Side of the central square", value: "n",
      idle: [.aligned])
    option(
      .data, "landmarks", \.landmarks, path.place("a file").orNil("none"),
      "Five points a photo, which align the faces", value: "file", completion: anyFile,
      idle: [.inRuns("with synthetic faces, which have none") { $0.data.isSynthetic }])
    option(
      .data, "normalize", \.normalize, .name("normalization"),
      "How bytes become numbers: \(choices(of: Normalization.self))", value: "name")
    option(
      .data, "augment", \.augment, .augmentation,
      "none or off, default, or of flip, shift, scale, color, blur, erase, with commas and amounts "
        + "(flip,color:0.2)", value: "list")
    option(
      .data, "max-bad", \.maxBad,
      .fraction.within(0...1, before: "a fraction from "),
      "Stop above this share of unreadable photos", value: "fraction", isMathematical: false)
  }

  @Table static var modelOptions: [ConfigurationOption] {
    option(
      .model, "model", \.model, .model,
      "The network; a wrong name lists them", value: "name")
    option(
      .model, "width", \.width, number.within(0.01...16),
      "Factor of the channels; 1 is the published network", value: "x", follows: .model,
      usual: { _ in 1 })
    option(
      .model, "embedding", \.embedding,
      integer.within(1...65_536).orNil("auto"),
      "Length of the embedding", value: "n", follows: .model, usual: { _ in nil })
    option(
      .model, "dropout", \.dropout,
      ValueForm.float("a probability from 0 to below 1", below: 1) { $0 >= 0 }.orNil("auto"),
      "Probability of dropping an element", value: "p", follows: .model)
    option(
      .model, "batch-norm", \.batchNorm, ValueForm<Bool>.truth.orNil("auto"),
      "Batch norm in the place of nn*'s biases: on, off, or auto", value: "on|off",
      follows: .model,
      idle: [
        .model(because: ", which is published with its batch norm or none") { !$0.takesBatchNorm }
      ])
    option(
      .model, "pooling", \.pooling, ValueForm<ModelOptions.Pooling>.name("pooling").orNil("auto"),
      "What inception modules pool to: max, l2, or auto for the published table", value: "name",
      follows: .model,
      idle: [.model(because: ", which has no inception modules") { !$0.takesPooling }])
    option(
      .model, "precision", \.precision, .name("precision"),
      "Numbers of products: fp32, or bf16 in convolutions, with sums in fp32", value: "name")
    option(
      .model, "init", \.initialWeights, path.place("a file").orNil("none"),
      "A checkpoint whose network training starts from", value: "file", completion: anyFile)
    option(
      .model, "head-start", \.headStart, .name("start"),
      "What class weights start from: drawn; centres, each person's mean embedding; trained, those "
        + "of --init and centres for new people",
      value: "name",
      idle: [
        .loss(because: ", which has no class weights") { !$0.traits.hasClassWeights },
        .inRuns("without init, whose network embeds the photos", or: "give init") {
          $0.initialWeights == nil
        },
      ])
    option(
      .model, "freeze", \.freeze, .patterns,
      "The first parts of the network, by name, which are not trained (conv1,bn1,layer1)",
      value: "list")

    option(.loss, "loss", \.loss, .name("loss"), choices(of: LossName.self), value: "name")
    option(
      .loss, "scale", \.scale, positive, "Factor of the logits", value: "s", follows: .loss,
      usual: { $0.loss.traits.scale ?? 1 },
      idle: [
        .loss(or: { $0 == .softmax ? "take \(LossName.normalizedSoftmax.rawValue)" : nil }) {
          $0.traits.scale == nil
        }
      ])
    option(
      .loss, "margin", \.margin, .numbers,
      "The margin; m1,m2,m3 for combined; of the least and the greatest norm for magface",
      value: "m",
      follows: .loss, usual: { $0.loss.traits.margin }, idle: [.withoutMargin])
    option(
      .loss, "margin-variant", \.marginVariant, .name("margin variant"),
      "ArcFace at large angles: \(choices(of: MarginSoftmaxConfiguration.Variant.self))",
      value: "name", follows: .loss,
      idle: [
        .loss(or: { _ in "take arcface" }) { $0 != .arcface && $0 != .magface }, .withMarginZero,
      ])
    option(
      .loss, "margin-gradient", \.marginGradient, .name("margin gradient"),
      choices(of: MarginSoftmaxConfiguration.Gradient.self), value: "name", follows: .loss,
      idle: [
        .withoutMargin, .loss { $0 == .triplet },
        .loss(because: ", whose exact gradient it is") {
          $0 == .cosface || $0 == .elasticCosFace || $0 == .uniface
        },
        .withMarginZero,
        .inRuns("with adaface and a norm-concentration of 0, whose exact gradient it is") {
          $0.loss == .adaface && $0.normConcentration == 0
        },
      ])
    option(
      .loss, "margin-warmup-epochs", \.marginWarmupEpochs, epochs,
      "Epochs over which the margin grows", value: "x", follows: .loss,
      idle: [.withoutMargin, .withMarginZero])
    option(
      .loss, "norm-concentration", \.normConcentration, number.within(-100...100),
      "AdaFace's h: how far norms of embeddings move the margin; 0 is CosFace", value: "h",
      follows: .loss, usual: { _ in 0.333 },
      idle: [.loss(or: { _ in "take adaface" }) { $0 != .adaface }, .withMarginZero])
    option(
      .loss, "statistics-rate", \.statisticsRate,
      ValueForm.float("more than 0, at most 1") { $0 > 0 && $0 <= 1 },
      "Share of a batch in AdaFace's statistics of norms and CurricularFace's mean cosine",
      value: "x", follows: .loss, usual: { _ in 0.01 },
      idle: [
        .loss(or: { _ in "take adaface or curricularface" }) {
          $0 != .adaface && $0 != .curricularface
        },
        .inRuns("with adaface and a margin or norm-concentration of 0") {
          $0.loss == .adaface && ($0.margin == [0] || $0.normConcentration == 0)
        },
      ])
    option(
      .loss, "margin-deviation", \.marginDeviation, number.within(0...1),
      "Deviation of ElasticFace's margins, which are normal numbers about the margin",
      value: "x", follows: .loss, usual: { _ in 0.05 },
      idle: [
        .loss(or: { _ in "take elastic-arcface or elastic-cosface" }) { !$0.isElastic }
      ])
    option(
      .loss, "norm-range", \.normRange,
      .numbers.giving("two numbers above 0, the least first, such as 10,110") {
        $0.count == 2 && $0[0] > 0 && $0[0] < $0[1] && $0[1] <= 1e6
      }, "Norms of embeddings between which MagFace's margin grows", value: "l,u",
      follows: .loss, usual: { _ in [10, 110] },
      idle: [.loss(or: { _ in "take magface" }) { $0 != .magface }])
    option(
      .loss, "norm-weight", \.normWeight, number.within(0...1e6),
      "Factor of MagFace's loss of norms, which draws those of good photos up", value: "w",
      follows: .loss, usual: { _ in 35 },
      idle: [.loss(or: { _ in "take magface" }) { $0 != .magface }])
    option(
      .loss, "bias-rate", \.biasRate, number.within(0...100),
      "Rate at which UniFace's bias descends its gradient; 0 leaves it at log(10 x people)",
      value: "x", follows: .loss, usual: { _ in 0.1 },
      idle: [.loss(or: { _ in "take uniface" }) { $0 != .uniface }])
    option(
      .loss, "label-smoothing", \.labelSmoothing,
      ValueForm.float("0 to below 1", below: 1) { $0 >= 0 },
      "Share of the truth that all people have alike, in place of a sample's own", value: "x",
      follows: .loss,
      idle: [
        .loss(because: ", which has no softmax") { !$0.traits.hasClassWeights || $0 == .uniface }
      ])
    option(
      .loss, "sub-centres", \.subCentres,
      integer.within(1...MarginSoftmaxConfiguration.subCentreLimit),
      "Centres of a person, the nearest of which counts; check --sub-centres finds photos far off",
      value: "k", follows: .loss,
      idle: [.loss(because: ", which has no cosines of people") { $0.traits.scale == nil }])
    option(
      .loss, "head", \.head, .name("head"),
      "The class weights: whole on every rank, divided over the ranks, or auto; the same bits "
        + "with reduce exact, others with fp32 and bf16, which round what is sent",
      value: "name", isMathematical: false, follows: .loss,
      idle: [.loss(because: ", which has no class weights") { !$0.traits.hasClassWeights }])
    option(
      .loss, "sample-classes", \.sampleClasses,
      ValueForm.float("more than 0, at most 1") { $0 > 0 && $0 <= 1 },
      "Share of the classes that a step takes beside those of its batch; 1 takes all", value: "r",
      follows: .loss,
      idle: [.loss(because: ", which has no class weights") { !$0.traits.hasClassWeights }])
    option(
      .loss, "idle-rows", \.idleRows, .name("idle rows"),
      "Class weights that a step leaves out: keep as they are, or decay by momentum and weight decay",
      value: "name", follows: .loss,
      idle: [
        .inRuns("without sampled classes", or: "give sample-classes") { $0.sampleClasses == 1 }
      ])
    option(
      .loss, "teacher", \.teacher, path.place("a teacher").orNil("none"),
      "Stored embeddings of the training photos, as embed writes them, or a run or checkpoint that "
        + "embeds each sample as the step has it, to be near to", value: "file|run",
      completion: anyFile)
    option(
      .loss, "teacher-weight", \.teacherWeight, number.within(0...1e6),
      "Factor of 1 - cosine to the teacher's embedding, beside the loss", "; 0 measures it alone",
      value: "w", idle: [.inRuns("without teacher", or: "give teacher") { $0.teacher == nil }])
  }

  @Table static var tripletOptions: [ConfigurationOption] {
    option(
      .triplets, "mining", \.mining, .mining,
      "Triplets of a batch: \(choices(of: MiningMode.self)); later ones with their step or epoch "
        + "(semi-hard,hardest@10e)", value: "list", follows: .loss, idle: [.withoutTriplets])
    option(
      .triplets, "people-per-batch", \.peoplePerBatch,
      atLeast(1).orNil("auto"),
      "People with several photos in a triplet batch", value: "p", follows: .loss,
      idle: [.withoutTriplets])
    option(
      .triplets, "photos-per-person", \.photosPerPerson,
      atLeast(2, ", which make a positive pair").orNil("auto"),
      "Photos of each of them", value: "k", follows: .loss, idle: [.withoutTriplets])
    option(
      .triplets, "triplet-reduction", \.tripletReduction, .name("triplet reduction"),
      "\(choices(of: TripletReduction.self)) of the triplets' losses", value: "name",
      follows: .loss, idle: [.withoutTriplets])
    option(
      .triplets, "passes", \.passes, integer.giving("1 or 2") { (1...2).contains($0) },
      "2 computes a batch twice where the loss or a divided head sees all of it first, 1 keeps "
        + "all its activations", value: "n", isMathematical: false, follows: .loss,
      idle: [
        .inRuns("with a whole head", or: "take loss triplet, or head divided") {
          $0.loss != .triplet && $0.head == .whole
        }
      ])
    option(
      .triplets, "offline-every", \.offlineEvery, atLeast(1, " step"),
      "Steps between searches for hard triplets", value: "n", follows: .loss,
      idle: [.withoutTriplets, .withoutOfflineMining])
    option(
      .triplets, "offline-pool", \.offlinePool, atLeast(1, " photo").orNil("auto"),
      "Photos searched for hard triplets", value: "n", follows: .loss,
      idle: [.withoutTriplets, .withoutOfflineMining])
    option(
      .triplets, "compatible-with", \.compatibleWith, path.place("a network").orNil("none"),
      "A run or checkpoint that the new embeddings are to be comparable with", value: "run",
      follows: .loss, idle: [.withoutTriplets])
  }
}

extension ValueForm where Value == ImageSize {
  fileprivate func sides(within range: ClosedRange<Int>) -> Self {
    giving("\(range.lowerBound) to \(range.upperBound) pixels") {
      range.contains($0.height) && range.contains($0.width)
    }
  }
}

extension ConfigurationOption.Idleness {
  fileprivate static let aligned = inRuns(
    "to photos aligned by landmarks", or: "remove landmarks"
  ) { $0.landmarks != nil }
  fileprivate static let withoutMargin = loss { !$0.traits.hasMargin }
  /// Of a combined margin the first is a factor.
  fileprivate static let withMarginZero = inRuns("with a margin of 0") {
    $0.margin == [0] || $0.margin == [0, 0] || $0.margin == [1, 0, 0]
  }
  fileprivate static let withoutTriplets = loss { $0 != .triplet }
  fileprivate static let withoutOfflineMining = inRuns("without mining offline") {
    !$0.mining.has(.offline)
  }
}
