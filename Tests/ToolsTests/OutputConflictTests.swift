import Cards
import Cleaning
import Collectives
import Configuration
import DataTools
import Datasets
import Foundation
import Interchange
import Interop
import Measuring
import Protocols
import RawPhotos
import RunSupport
import Sweeps
import Tasks
import TestSupport
import Testing
import Training

/// No command overwrites what it reads, what a run keeps, or its own other output.
@Suite struct OutputConflictTests {
  /// A run with all of its logs, photos, and a list of them.
  private final class Subject {
    let folder = SmallRun.temporaryFolder()
    var run: String { folder + "/run" }
    var photos: String { folder + "/photos" }
    var list: String { folder + "/photos.csv" }
    var pairs: String { folder + "/pairs.txt" }
    var mtcnn: String { folder + "/mtcnn" }
    var newest: String { run + "/checkpoints/step-000000004.safetensors" }

    init() throws {
      try SyntheticFaces(people: 6, photosPerPerson: 3, size: 32, seed: 7).writeFolder(to: photos)
      let index = try FaceFolder(root: photos).index
      let rows = index.photos.map { "photos/\($0.path),\(index.people[$0.person])\n" }
      try TextFile.write("path,label\n" + rows.joined(), to: list)
      try makePairs(to: pairs)
      try Folders.make(mtcnn)
      for name in ["pnet.pt", "rnet.pt", "onet.pt"] {
        try TextFile.write(name, to: mtcnn + "/" + name)
      }
      try FlaggedRun.train(
        FlaggedRun.small.merging([
          "steps": "4", "csv": "true", "tensorboard": "true", "split": "people-random:0.7",
          "evaluate-every": "2",
        ]) { $1 }, in: run)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// Every file below the folder with its bytes.
    func contents() throws -> [String: Data] {
      var found: [String: Data] = [:]
      for name in try FileManager.default.subpathsOfDirectory(atPath: folder) {
        if let bytes = FileManager.default.contents(atPath: folder + "/" + name) {
          found[name] = bytes
        }
      }
      return found
    }

    func embed(to out: String, data: DataSource? = nil, detector: String? = nil) throws {
      var request = EmbedRequest(
        checkpoint: run, data: data ?? .folder(photos), out: out, quiet: true)
      request.search = detector.map { FaceSearch(detector: $0) }
      request.threads = 1
      try request.run(over: SoloCommunicator())
    }

    func sweep(to csv: String, data: String? = nil) throws {
      var evaluation = EvaluateRequest(source: .checkpoint(run), quiet: true)
      evaluation.data = .folder(data ?? photos)
      evaluation.threads = 1
      var request = SweepRequest(.quantization, evaluation)
      request.csv = csv
      _ = try request.answer(over: SoloCommunicator()) { _, _ in true }
    }

    func cluster(csv: String? = nil, html: String? = nil, detector: String? = nil) throws {
      var options = FaceOptions(source: .checkpoint(run))
      options.search = detector.map { FaceSearch(detector: $0) }
      options.threshold = 1
      options.threads = 1
      var request = ClusterRequest(options, photos: photos)
      (request.csv, request.html) = (csv, html)
      _ = try request.answer(over: SoloCommunicator())
    }

    func evaluate(html: String, data: String? = nil) throws {
      var request = EvaluateRequest(source: .checkpoint(run), quiet: true)
      request.data = .folder(data ?? photos)
      request.pairs = [pairs]
      request.threads = 1
      request.html = html
      try request.run(over: SoloCommunicator())
    }

    func packBin(to out: String) throws {
      _ = try BinRequest(data: photos, pairs: pairs, out: out).run()
    }

    func makePairs(of data: String? = nil, to out: String, embeddings: String? = nil) throws {
      var request = PairsRequest(data: data ?? photos, out: out)
      request.folds = 2
      request.hard = embeddings.map { ($0, nil) }
      _ = try request.run()
    }

    func detect(
      into out: String? = nil, points: String? = nil, html: String? = nil, detector: String? = nil
    ) throws {
      var request = try #require(
        DetectRequest(data: photos, out: out ?? folder + "/aligned", detector: detector ?? list))
      (request.points, request.html) = (points, html)
      _ = try request.answer(over: SoloCommunicator())
    }

    func clean(out: String? = nil, html: String? = nil, exclude: String? = nil) throws {
      var request = CleaningRequest(embeddings: list)
      (request.out, request.html, request.exclude) = (out, html, exclude)
      _ = try request.run()
    }

    func card(to path: String) throws {
      var request = CardRequest(checkpoint: run)
      request.evaluations = [list]
      request.out = path
      try request.run()
    }

    func export(to out: String, _ format: ExportRequest.Format = .safetensors) throws {
      _ = try ExportRequest(checkpoint: run, format: format, out: out).run()
    }
  }

  /// Whether `body` throws a conflict.
  private func conflicts(_ body: () throws -> Void) -> Bool {
    do {
      try body()
      return false
    } catch is CommandFiles.Conflict {
      return true
    } catch {
      Issue.record("\(error)")
      return false
    }
  }

  @Test func everyCommandRefusesWhatItReadsAndWhatARunKeeps() throws {
    let subject = try Subject()
    let before = try subject.contents()
    let photo = try subject.photos + "/" + FaceFolder(root: subject.photos).index.photos[0].path
    let run = subject.run
    let tries: [(String, () throws -> Void)] = [
      ("export --out: a checkpoint", { try subject.export(to: subject.newest) }),
      ("export --out: a checkpoint, to onnx", { try subject.export(to: subject.newest, .onnx) }),
      ("export --out: the best", { try subject.export(to: run + "/checkpoints/best.safetensors") }),
      ("export --out: metrics", { try subject.export(to: run + "/metrics.jsonl") }),
      (
        "import --out: its file",
        {
          _ = try ImportRequest(
            file: subject.list, out: subject.list, options: [], channels: nil
          ).run()
        }
      ),
      (
        "embed --out: the list",
        { try subject.embed(to: subject.list, data: .folder(subject.list)) }
      ),
      (
        "embed --out: the detector", { try subject.embed(to: subject.list, detector: subject.list) }
      ),
      ("embed --out: a run", { try subject.embed(to: run + "/metrics.csv") }),
      ("evaluate --html: a photo", { try subject.evaluate(html: photo) }),
      ("evaluate --html: its pairs", { try subject.evaluate(html: subject.pairs) }),
      ("evaluate --html: the checkpoint", { try subject.evaluate(html: subject.newest) }),
      ("evaluate --html: a run", { try subject.evaluate(html: run + "/report.html") }),
      (
        "evaluate --html: the list",
        { try subject.evaluate(html: subject.list, data: subject.list) }
      ),
      ("sweep --csv: the list", { try subject.sweep(to: subject.list, data: subject.list) }),
      ("sweep --csv: a run", { try subject.sweep(to: run + "/config.yaml") }),
      ("cluster --csv: a photo", { try subject.cluster(csv: photo) }),
      (
        "cluster --csv: the detector",
        { try subject.cluster(csv: subject.list, detector: subject.list) }
      ),
      ("cluster --html: a run", { try subject.cluster(html: run + "/report.html") }),
      (
        "cluster --html: its other output",
        { try subject.cluster(csv: subject.folder + "/c", html: subject.folder + "/c") }
      ),
      (
        "pack --out: the photo",
        { _ = try PackRequest(data: photo, form: "tar", out: photo)!.run() }
      ),
      (
        "pack --out: a photo",
        { _ = try PackRequest(data: subject.photos, form: "tar", out: photo)!.run() }
      ),
      ("pack --out: its pairs", { try subject.packBin(to: subject.pairs) }),
      ("pack --out: a photo, as bin", { try subject.packBin(to: photo) }),
      ("pack --out: a checkpoint", { try subject.packBin(to: subject.newest) }),
      ("pairs --out: a photo", { try subject.makePairs(to: photo) }),
      ("pairs --out: the list", { try subject.makePairs(of: subject.list, to: subject.list) }),
      ("pairs --out: a checkpoint", { try subject.makePairs(to: subject.newest) }),
      (
        "pairs --out: its embeddings",
        { try subject.makePairs(to: subject.list, embeddings: subject.list) }
      ),
      ("card --out: the checkpoint", { try subject.card(to: subject.newest) }),
      ("card --out: a run", { try subject.card(to: run + "/metrics.csv") }),
      ("card --out: what was measured", { try subject.card(to: subject.list) }),
      ("check --out: its embeddings", { try subject.clean(out: subject.list) }),
      (
        "check --out: the list before",
        { try subject.clean(out: subject.pairs, exclude: subject.pairs) }
      ),
      ("check --html: a run", { try subject.clean(html: run + "/report.html") }),
      (
        "check --html: its other output",
        { try subject.clean(out: subject.folder + "/c", html: subject.folder + "/c") }
      ),
      (
        "pack --out: what is left out",
        {
          var request = PackRequest(data: subject.photos, form: "tar", out: subject.pairs)!
          request.exclude = subject.pairs
          _ = try request.run()
        }
      ),
      ("align --points: a photo", { try subject.detect(points: photo) }),
      ("align --points: the detector", { try subject.detect(points: subject.list) }),
      (
        "align --points: a network of the detector's folder",
        { try subject.detect(points: subject.mtcnn + "/rnet.pt", detector: subject.mtcnn) }
      ),
      (
        "embed --out: a network of the detector's folder",
        { try subject.embed(to: subject.mtcnn + "/onet.pt", detector: subject.mtcnn) }
      ),
      ("align --points: a run", { try subject.detect(points: run + "/metrics.jsonl") }),
      ("align --html: a photo", { try subject.detect(html: photo) }),
      (
        "align --html: its other output",
        { try subject.detect(points: subject.folder + "/c", html: subject.folder + "/c") }
      ),
      (
        "align out: among the photos, by a detector",
        { try subject.detect(into: subject.photos + "/aligned", points: nil) }
      ),
      // What is not there yet, and would be read as data from then on.
      ("embed --out: metadata", { try subject.embed(to: subject.photos + "/metadata.csv") }),
      ("cluster --csv: metadata", { try subject.cluster(csv: subject.photos + "/metadata.csv") }),
      (
        "pack --out: beside the photos",
        {
          _ = try PackRequest(
            data: subject.photos, form: "tar", out: subject.photos + "/all.tar")!.run()
        }
      ),
      (
        "align out: among the photos",
        {
          _ = try AlignRequest(
            data: subject.photos, out: subject.photos + "/aligned", landmarks: subject.pairs)!.run()
        }
      ),
    ]
    let tried = Set(tries.map { String($0.0.prefix { $0 != ":" }) })
    for (command, options) in WritingOptions.files where command != "train" {
      for option in options { #expect(tried.contains("\(command) \(option)")) }
    }
    for (name, body) in tries {
      #expect(conflicts(body), "\(name)")
      #expect(try subject.contents() == before, "\(name)")
    }
    // What comes to lie beside them is written, and again.
    for _ in 1...2 {
      try subject.export(to: run + "/net.onnx", .onnx)
      try subject.embed(to: subject.photos + "/faces.npy")
      try subject.cluster(csv: subject.photos + "/clusters.csv")
      try subject.packBin(to: subject.folder + "/own.bin")
      try subject.evaluate(html: subject.photos + "/page.html")
      try subject.makePairs(to: subject.folder + "/others.txt")
    }
  }

  @Test func whateverARunHasWrittenNoCommandReplaces() throws {
    let subject = try Subject()
    let names = try FileManager.default.subpathsOfDirectory(atPath: subject.run)
      .filter { !["checkpoints", "tensorboard"].contains($0) }
    #expect(names.contains("evaluations.csv") && names.contains(".owner"))
    #expect(names.contains { $0.hasPrefix("tensorboard/") })
    for name in names {
      #expect(throws: CommandFiles.Conflict.self, "\(name)") {
        try CommandFiles.check { $0.write(subject.run + "/" + name, as: "--out") }
      }
    }
  }

  @Test(arguments: ["prometheus", "timeline"])
  func aRunRefusesToWriteOverItsOwnResultsAndInputs(option: String) throws {
    let subject = try Subject()
    let before = try subject.contents()
    let flags = FlaggedRun.small.merging(["steps": "8", "data": subject.list]) { $1 }
    for name in [
      "checkpoints/step-000000008.safetensors", "metrics.jsonl", "config.yaml", "report.html",
      "log.txt",
    ] {
      let path = subject.folder + "/new"
      #expect(
        conflicts {
          try FlaggedRun.train(flags.merging([option: path + "/" + name]) { $1 }, in: path)
        }, "\(name)")
      #expect(!FileManager.default.fileExists(atPath: path), "\(name)")
    }
    for (input, path) in [
      ("init", subject.newest), ("data", subject.list), ("landmarks", subject.folder + "/points"),
      ("pairs", subject.folder + "/pairs.txt"), ("teacher", subject.folder + "/points"),
      ("exclude", subject.folder + "/points"),
    ] {
      let given = [input: path, option: path, "checkpoint-every": "0"]
      #expect(
        conflicts {
          try FlaggedRun.train(flags.merging(given) { $1 }, in: subject.folder + "/new")
        }, "\(input)")
    }
    // One that is resumed as well.
    #expect(
      conflicts {
        try FlaggedRun.train(
          ["resume": "auto", "steps": "6", option: subject.run + "/metrics.jsonl"],
          in: subject.run)
      })
    let after = try subject.contents()
    for (name, bytes) in before where !name.hasSuffix(".lock") && !name.hasSuffix(".owner") {
      #expect(after[name] == bytes, "\(name)")
    }
  }

  @Test func twoLogsOfARunAreTwoFiles() throws {
    try FlaggedRun.withFolder { folder in
      let path = folder + "-both"
      let flags = FlaggedRun.small.merging(["prometheus": path, "timeline": path]) { $1 }
      #expect(conflicts { try FlaggedRun.train(flags, in: folder) })
      #expect(!FileManager.default.fileExists(atPath: path))
    }
  }

  @Test func aSweepThatTrainsKeepsItsListsAndTheTimelineOfEachRun() throws {
    try FlaggedRun.withFolder { folder in
      try Folders.make(folder)
      var training = SmallRun.configuration {
        $0.length = .steps(2)
        $0.out = folder
        $0.timeline = folder + "/t.json"
      }
      var evaluation = EvaluateRequest(source: .checkpoint(""), quiet: true)
      evaluation.threads = 1
      var request = SweepRequest(.trainingSize, evaluation)
      request.training = training
      #expect {
        _ = try request.answer(over: SoloCommunicator()) { _, _ in true }
      } throws: {
        "\($0)".contains("each run would write over the one before")
      }
      // Whose list of those who train has the name that the sweep gives its own.
      let list = folder + "/people-4.txt"
      try TextFile.write((1...8).map { "person_000\($0)\n" }.joined(), to: list)
      training.timeline = nil
      training.split = .people(file: list)
      request.training = training
      request.values = [0.5]
      #expect(
        conflicts { _ = try request.answer(over: SoloCommunicator()) { _, _ in true } })
      #expect(try TextFile.lines(of: list).count == 8)
    }
  }

  @Test func aPackBesideAnotherTakesNothingOfIt() throws {
    let subject = try Subject()
    func pack(_ data: String, to out: String) throws -> [String] {
      try PackRequest(data: data, form: "rec", out: out)!.run()
    }
    // A list of its own that only has the name.
    let packs = subject.folder + "/packs"
    try Folders.make(packs)
    try TextFile.write("mine", to: packs + "/a.lst")
    #expect(conflicts { _ = try pack(subject.photos, to: packs + "/a.rec") })
    #expect(try TextFile.read(packs + "/a.lst") == "mine")
    try FileManager.default.removeItem(atPath: packs + "/a.lst")
    #expect(try pack(subject.photos, to: packs + "/a.rec").count == 1)
    let few = subject.folder + "/few"
    try SyntheticFaces(people: 2, photosPerPerson: 2, size: 32, seed: 7).writeFolder(to: few)
    let lines = try pack(few, to: packs + "/b.rec")
    #expect(
      lines.count == 2 && lines[0].contains("property was of another pack and said '6,32,32'"))
    // Its own is no other's.
    #expect(try pack(few, to: packs + "/b.rec").count == 1)
    #expect(conflicts { _ = try pack(packs + "/b.rec", to: packs + "/b.rec") })
  }

  @Test func namesOfAnEarlierPackDoNotOutliveIt() throws {
    let subject = try Subject()
    // People whose photos lie in two folders need a file of names.
    let rows = try TextFile.lines(of: subject.list).dropFirst().map { line in
      let parts = line.split(separator: ",")
      return "\(parts[0]),twins \((Int(parts[1].suffix(4))! + 1) / 2)\n"
    }
    try TextFile.write("path,label\n" + rows.joined(), to: subject.list)
    let out = subject.folder + "/p.rec"
    _ = try PackRequest(data: subject.list, form: "rec", out: out)!.run()
    #expect(FileManager.default.fileExists(atPath: subject.folder + "/p.people"))
    _ = try PackRequest(data: subject.photos, form: "rec", out: out)!.run()
    #expect(!FileManager.default.fileExists(atPath: subject.folder + "/p.people"))
    #expect(try PhotoSet(path: out).index.people.first == "person_0001")
  }

  @Test func aListOfPairsIsNotWrittenWhereItCouldNotBeRead() throws {
    let subject = try Subject()
    let person = try FaceFolder(root: subject.photos).index.people[0]
    try FileManager.default.moveItem(
      atPath: subject.photos + "/" + person, toPath: subject.photos + "/ " + person)
    #expect {
      try subject.makePairs(to: subject.folder + "/others.txt")
    } throws: {
      "\($0)".contains("begins with '#' or a space")
    }
    #expect(!FileManager.default.fileExists(atPath: subject.folder + "/others.txt"))
  }
}
