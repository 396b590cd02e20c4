import Checkpoints
import Configuration
import Datasets
import DataTools
import Foundation
import Interchange
import Interop
import RunFolders
import RunSupport
import Sessions
import TestSupport
import Testing
import Training

#if canImport(Glibc)
  import Glibc
#endif

/// What would fail at the end, or be taken for something else, is said at the start.
@Suite struct EarlyRefusalTests {
  private static func complaint(_ body: () throws -> Void) throws -> String {
    "\(try #require(#expect(throws: (any Error).self, performing: body)))"
  }

  @Test func dryRunsLookAtTheFirstWeights() throws {
    try FlaggedRun.withFolder { folder in
      let old = folder + "/old"
      try FlaggedRun.train(FlaggedRun.small.merging(["steps": "2"]) { $1 }, in: old)
      func dryRun(_ change: [String: String]) throws {
        try FlaggedRun.train(
          FlaggedRun.small.merging(["dry-run": "true"]) { $1 }.merging(change) { $1 },
          in: folder + "/new")
      }
      try dryRun(["init": old])
      #expect(
        try Self.complaint { try dryRun(["init": folder + "/none"]) }.contains("no such file"))
      #expect(
        try Self.complaint { try dryRun(["init": old, "width": "0.25"]) }.contains(
          "width was 0.125, is 0.25"))
      let triplets = ["loss": "triplet", "batch": "16", "people-per-batch": "4"]
      try dryRun(triplets.merging(["compatible-with": old]) { $1 })
      for change in [
        ["compatible-with": folder + "/none"], ["compatible-with": old, "embedding": "16"],
      ] {
        #expect(throws: (any Error).self, "\(change)") {
          try dryRun(triplets.merging(change) { $1 })
        }
      }
      #expect(!FileManager.default.fileExists(atPath: folder + "/new"))
    }
  }

  @Test(arguments: ["layer1=0.1,*=1", "layer1=0.1,layer1=0.2", "layer1.0=0.5,layer2=2,layer1=0.1"])
  func rateFactorsThatOthersTakeAreNamed(text: String) throws {
    try FlaggedRun.withFolder { folder in
      func warnings(_ text: String) throws -> [String] {
        let run = folder + "/" + text
        try FlaggedRun.train(
          FlaggedRun.small.merging(["steps": "1", "lr-scale": text]) { $1 }, in: run)
        return try FlaggedRun.log(run).filter { $0.hasPrefix("warning: lr-scale ") }
      }
      let found = try warnings(text)
      #expect(found.count == 1 && found[0].contains(" changes nothing: "), "\(found)")
      #expect(found[0].hasPrefix("warning: lr-scale layer1"), "\(found)")
      #expect(try warnings("*=1,layer1=0.1,layer2=0.2").isEmpty)
    }
  }

  // MARK: Files

  @Test func filesOfOtherProgramsAreCalledWhatTheyAre() throws {
    try FlaggedRun.withFolder { run in
      try FlaggedRun.train(FlaggedRun.small.merging(["steps": "1"]) { $1 }, in: run)
      for format in [ExportRequest.Format.onnx, .npz] {
        let file = "\(run)/net.\(format.rawValue)"
        _ = try ExportRequest(checkpoint: run, format: format, out: file).run()
        let opening = try Self.complaint { _ = try CheckpointStore.open(file) }
        #expect(opening.contains("no checkpoint") && opening.contains("import"), "\(opening)")
        #expect(!opening.contains("header"), "\(opening)")
      }
      let importing = try Self.complaint {
        _ = try ImportRequest(
          file: run + "/net.onnx", out: run + "/a.safetensors",
          options: [.flag("model", "resnet18")], channels: nil
        ).run()
      }
      #expect(importing.contains("--model resnet18: "), "\(importing)")
      let stored = try Self.complaint { _ = try TensorFiles.open(run + "/net.onnx") }
      #expect(stored.contains("is an ONNX model, a network"), "\(stored)")
      for name in ["x.onnx", "x.NPZ", "x.pth"] {
        let refused = try Self.complaint {
          _ = try ImportRequest(
            file: run + "/net.npz", out: "\(run)/\(name)", options: [], channels: nil
          ).run()
        }
        #expect(refused.contains("give NAME.safetensors"), "\(refused)")
        #expect(!FileManager.default.fileExists(atPath: "\(run)/\(name)"))
      }
    }
  }

  @Test(arguments: [
    ("tar", "x.rec"), ("tar", "s-{0..3}.tar"), ("tar", "x.bin"), ("rec", "x.tar"), ("rec", "x.lst"),
  ])
  func packsAreNotCalledAsOtherForms(form: String, name: String) throws {
    try FlaggedRun.withFolder { folder in
      let faces = folder + "/faces"
      _ = try SynthesizeRequest(
        out: faces, faces: SyntheticData(people: 2, photos: 2, size: 32), seed: 1
      ).run()
      let out = "\(folder)/\(name)"
      let request = try #require(PackRequest(data: faces, form: form, out: out))
      #expect(try Self.complaint { _ = try request.run() }.contains("--out"))
      #expect(!FileManager.default.fileExists(atPath: out))
      for (form, name) in [("tar", "x.tar"), ("tar", "shard"), ("rec", "x.rec"), ("rec", "pack")] {
        let out = "\(folder)/\(name)"
        _ = try #require(PackRequest(data: faces, form: form, out: out)).run()
        #expect(try PhotoSet(path: out).index.photos.count == 4, "\(form) \(name)")
      }
    }
  }

  /// Root may write everywhere: the process that is tried gives that up.
  @Test func placesThatTakeNoFilesAreToldBeforeTheWork() async {
    await #expect(processExitsWith: .success) {
      let folder = FileManager.default.temporaryDirectory.path + "/closed-\(getpid())"
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      defer { rmdir(folder) }
      try WritableFolder.require(for: folder + "/faces.npy")
      chmod(folder, 0o555)
      if geteuid() == 0 { seteuid(65534) }
      #expect(throws: InterchangeError.self) {
        try CommandFiles.check { $0.write(folder + "/faces.npy", as: "--out") }
      }
      #expect(throws: InterchangeError.self) {
        try WritableFolder.require(for: folder + "/step-000000001.safetensors")
      }
      seteuid(getuid())
    }
  }

  // MARK: Logs and rates

  @Test func linesThatTheLogLosesAreToldOnce() throws {
    try FlaggedRun.withFolder { folder in
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      let log = try RunLog(folder: folder, resumedAfter: 0, evaluatedAfter: 0)
      log.writeLine("first")
      #expect(log.takeProblem() == nil)
      try FileManager.default.removeItem(atPath: folder + "/log.txt")
      try FileManager.default.createSymbolicLink(
        atPath: folder + "/log.txt", withDestinationPath: "/dev/full")
      let full = try RunLog(folder: folder, resumedAfter: 0, evaluatedAfter: 0)
      for line in ["first", "second"] { full.writeLine(line) }
      #expect(
        full.takeProblem()
          == "\(folder)/log.txt: lines of it are lost: No space left on device")
      full.writeLine("third")
      #expect(full.takeProblem() == nil)
    }
  }

  /// The warm-up ends with the run, which another length takes further: at the same rate.
  @Test func aRateThatStaysIsNoChoice() throws {
    try FlaggedRun.withFolder { folder in
      func changes(_ run: String, warmUp: String, stops: Int, steps: String) throws -> [String] {
        let flags = FlaggedRun.small.merging([
          "schedule": "cosine", "warmup-epochs": warmUp, "steps": "\(stops)", "lr": "0.1",
        ]) { $1 }
        try FlaggedRun.train(flags, in: folder + run)
        try FlaggedRun.train(["steps": steps, "resume": "auto"], in: folder + run)
        return try FlaggedRun.log(folder + run).filter { $0.contains("the learning rate was ") }
      }
      let same = try changes("/same", warmUp: "1", stops: 4, steps: "8")
      #expect(
        same.count == 1 && same[0].contains("was 0.1 in step 4 and goes on at 0.1;"), "\(same)")
      #expect(!same.contains { $0.contains("to go on at ") })
      let other = try changes("/other", warmUp: "0.25", stops: 4, steps: "8")
      #expect(other.count == 1 && other[0].contains("to go on at "), "\(other)")
    }
  }
}
