import Foundation
import Interchange
import Testing

/// What a command writes takes the place of nothing that it reads and of nothing that a run keeps.
@Suite struct CommandFilesTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Makes the file `name`, and the folders that it is in.
  @discardableResult private func make(_ name: String) throws -> String {
    let path = folder.file(name)
    try Folders.make(String(path[..<path.lastIndex(of: "/")!]))
    try TextFile.write("kept", to: path)
    return path
  }

  private func complaint(_ change: (inout CommandFiles) -> Void) -> String? {
    do {
      try CommandFiles.check(change)
      return nil
    } catch {
      return "\(error)"
    }
  }

  @Test func anInputUnderAnyOfItsNamesIsNoOutput() throws {
    let list = try make("lists/photos.csv")
    try FileManager.default.createSymbolicLink(
      atPath: folder.file("link.csv"), withDestinationPath: list)
    try FileManager.default.createSymbolicLink(
      atPath: folder.file("door"), withDestinationPath: folder.file("lists"))
    for out in [
      "lists/photos.csv", "lists/../lists/./photos.csv", "link.csv", "door/photos.csv",
      "lists//photos.csv",
    ] {
      let message = complaint {
        $0.readData(list, as: "--data")
        $0.write(folder.file(out), as: "--out")
      }
      #expect(
        message
          == "--out \(folder.file(out)) would overwrite a file which --data \(list) is read from; "
          + "give another --out", "\(out)")
      // The other way round.
      #expect(
        complaint {
          $0.read(folder.file(out), as: "--config")
          $0.write(list, as: "--csv")
        }?.hasPrefix("--csv \(list) would overwrite a file which --config") == true, "\(out)")
    }
    for out in ["lists/other.csv", "photos.csv"] {
      #expect(
        complaint {
          $0.readData(list, as: "--data")
          $0.write(folder.file(out), as: "--out")
        } == nil, "\(out)")
    }
  }

  @Test func dataOfManyFilesAreAllOfThem() throws {
    for name in [
      "faces/ann/1.jpg", "faces/metadata.csv", "faces/faces.npy", "faces/clusters.csv",
      "packs/train.rec", "packs/train.idx", "packs/train.lst", "packs/property",
      "packs/other.lst", "shards/s-000.tar", "shards/s-001.tar", "shards/other.tar",
    ] { try make(name) }
    for (data, out, isTaken) in [
      ("faces", "faces/ann/1.jpg", true), ("faces", "faces/metadata.csv", true),
      ("folder:faces", "faces/ann/1.jpg", true),
      // What was written there before may be written again.
      ("faces", "faces/faces.npy", false), ("faces", "faces/clusters.csv", false),
      // What would be read with them from then on.
      ("faces", "faces/new.jpg", true), ("faces", "faces/ann/new.png", true),
      ("faces", "faces/ann/metadata.jsonl", true), ("faces", "faces/new.tar", true),
      ("faces", "faces/data.mdb", true), ("faces", "faces/ann/new.tar", false),
      ("faces", "faces/new.csv", false), ("faces", "new.jpg", false),
      ("faces/metadata.csv", "faces/ann/1.jpg", true),
      ("packs", "packs/train.rec", true), ("packs", "packs/train.lst", true),
      ("packs/train.rec", "packs/train.idx", true), ("packs/train.rec", "packs/property", true),
      ("packs/train.rec", "packs/other.lst", false),
      ("shards/s-{000..001}.tar", "shards/s-001.tar", true),
      ("shards/s-{000..001}.tar", "shards/other.tar", false),
      ("shards/s-000.tar", "shards/s-001.tar", false),
    ] {
      let prefix = data.hasPrefix("folder:") ? "folder:" : ""
      let message = complaint {
        $0.readData(prefix + folder.file(String(data.dropFirst(prefix.count))), as: "DATA")
        $0.write(folder.file(out), as: "--out")
      }
      #expect((message != nil) == isTaken, "\(data) \(out): \(message ?? "taken")")
    }
  }

  @Test func photosAreNotWrittenAmongTheData() throws {
    try make("faces/ann/1.jpg")
    func check(_ out: String) -> String? {
      complaint {
        $0.readData(folder.file("faces"), as: "the data")
        $0.writePhotos(into: folder.file(out), as: "the folder")
      }
    }
    for out in ["faces", "faces/aligned", "faces/ann/../aligned"] {
      #expect(check(out)?.contains("would be taken for a part of them") == true, "\(out)")
    }
    for out in ["aligned", "faces-aligned", "faces/../aligned"] { #expect(check(out) == nil) }
  }

  @Test func twoOutputsAreTwoFiles() throws {
    let message = complaint {
      $0.write(folder.file("x"), as: "--timeline")
      $0.write(folder.file("./x"), as: "--prometheus")
    }
    #expect(message?.contains("./x would overwrite a file which --timeline is written to") == true)
    // A device holds nothing.
    #expect(
      complaint {
        $0.write("/dev/null", as: "--timeline")
        $0.write("/dev/null", as: "--prometheus")
      } == nil)
  }

  @Test func aFileBesideAnOutputIsItsOwn() throws {
    let names = try make("e.txt")
    func check() -> String? {
      complaint {
        $0.write(folder.file("e.npy"), as: "--out")
        $0.write(names, beside: folder.file("e.npy"), as: "--out")
      }
    }
    #expect(check()?.hasPrefix("\(names) is there already and does not belong to ") == true)
    try make("e.npy")
    #expect(check() == nil)
  }

  @Test func anOutputNeedsAFolderThatIsThereOrIsMade() throws {
    let out = folder.file("new/t.csv")
    #expect(complaint { $0.write(out, as: "--csv") }?.contains("there is no folder") == true)
    #expect(
      complaint {
        $0.make(folder.file("new"))
        $0.write(out, as: "--csv")
      } == nil)
    #expect(complaint { $0.write(folder.path, as: "--csv") }?.contains("is a folder") == true)
  }

  @Test func whatARunKeepsIsFoundWhereverItLies() throws {
    try make("run/config.yaml")
    try make("run/checkpoints/step-000000004.safetensors")
    try make("copies/step-000000004.safetensors")
    for (out, isKept) in [
      ("run/config.yaml", true), ("run/metrics.jsonl", true), ("run/report.html", true),
      ("run/checkpoints/step-000000004.safetensors", true),
      ("run/checkpoints/best.safetensors", true), ("run/tensorboard/events", true),
      ("copies/step-000000004.safetensors", true), ("run/t.json", false),
      ("run/net.onnx", false), ("run/checkpoints/best.onnx", false),
      ("copies/net.safetensors", false), ("config.yaml", false),
    ] {
      try Folders.make(folder.file("run/tensorboard"))
      let message = complaint { $0.write(folder.file(out), as: "--out") }
      #expect((message != nil) == isKept, "\(out): \(message ?? "taken")")
    }
    // A run that has not begun.
    let path = folder.file("next")
    for name in ["report.html", "checkpoints", "checkpoints/step-000000008.safetensors"] {
      let message = complaint {
        $0.keepRun(path)
        $0.write("\(path)/\(name)", as: "--prometheus")
      }
      #expect(message != nil, "\(name)")
    }
    #expect(
      complaint {
        $0.keepRun(path)
        $0.write(path + "/t.json", as: "--timeline")
      } == nil)
  }
}
