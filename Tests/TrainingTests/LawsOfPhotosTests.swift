import CPhotoWriters
import Datasets
import DataTools
import Foundation
import RunFolders
import RunSupport
import Testing
import TestSupport
import Training

/// Photos of the same pixels give the same weights, in whichever format and container they are;
/// what is passed over is said where somebody looks.
@Suite struct LawsOfPhotos {
  /// The pixels of synthetic faces as PNG and as lossless WebP, beside each other by person.
  private final class Faces {
    let root = SmallRun.temporaryFolder()
    var png: String { root + "/png" }
    var webP: String { root + "/webp" }

    init() throws {
      let faces = SyntheticFaces(people: 12, photosPerPerson: 6, size: 32, seed: 5)
      let image = PixelBuffer()
      for person in 0..<12 {
        let name = faces.personName(person)
        for folder in [png, webP] {
          try FileManager.default.createDirectory(
            atPath: folder + "/" + name, withIntermediateDirectories: true)
        }
        for photo in 0..<6 {
          let jpeg = faces.jpeg(person: person, photo: photo)
          try jpeg.withUnsafeBytes { try ImageDecoder().decode($0, into: image) }
          for (folder, bytes) in [(png, Self.png(image)), (webP, Self.webP(image))] {
            // Some are called what they are not.
            let ending = photo % 2 == 0 ? "jpg" : folder == png ? "png" : "webp"
            try Data(bytes).write(
              to: URL(fileURLWithPath: "\(folder)/\(name)/\(photo).\(ending)"))
          }
        }
      }
    }

    deinit { try? FileManager.default.removeItem(atPath: root) }

    private static func taken(
      _ write: (inout UnsafeMutablePointer<UInt8>?) -> Int
    ) -> [UInt8] {
      var bytes: UnsafeMutablePointer<UInt8>?
      let count = write(&bytes)
      defer { free(bytes) }
      return Array(UnsafeBufferPointer(start: bytes, count: count))
    }

    static func png(_ image: PixelBuffer) -> [UInt8] {
      var photo = CPhotoPNG()
      (photo.width, photo.height) = (Int32(image.width), Int32(image.height))
      (photo.color_type, photo.bit_depth, photo.key) = (2, 8, (-1, -1, -1))
      return taken { cphoto_png(&photo, image.pixels, &$0) }
    }

    static func webP(_ image: PixelBuffer) -> [UInt8] {
      var rgba: [UInt8] = []
      for pixel in 0..<image.width * image.height {
        for c in 0..<3 { rgba.append(image.pixels[3 * pixel + c]) }
        rgba.append(255)
      }
      return taken { cphoto_webp(rgba, Int32(image.width), Int32(image.height), 101, &$0) }
    }

    /// The PNG files in every container, and the WebP files.
    func containers() throws -> [(name: String, path: String)] {
      let set = try PhotoSet(path: png)
      _ = try PackWriter.write(set, as: .rec, to: root + "/rec")
      _ = try PackWriter.write(set, as: .tar, to: root + "/faces.tar")
      try set.index.photos.map { "png/\($0.path) \($0.person)\n" }.joined()
        .write(toFile: root + "/list.txt", atomically: true, encoding: .utf8)
      let metadata = root + "/metadata"
      try FileManager.default.copyItem(atPath: png, toPath: metadata)
      try ("file_name,label\n" + set.index.photos.map { "\($0.path),\($0.person)\n" }.joined())
        .write(toFile: metadata + "/metadata.csv", atomically: true, encoding: .utf8)
      let buffer = ByteBuffer()
      let values = try set.index.photos.indices.map { photo in
        try set.source.read(photo, into: buffer)
        return (
          key: "\(photo)",
          value: LMDBWriter.value(Array(buffer.bytes), label: set.index.photos[photo].person)
        )
      }
      try Data(LMDBWriter.file(values)).write(to: URL(fileURLWithPath: root + "/faces.lmdb"))
      return [
        ("folder", png), ("rec", root + "/rec"), ("tar", root + "/faces.tar"),
        ("list", root + "/list.txt"), ("metadata", metadata), ("lmdb", root + "/faces.lmdb"),
        ("WebP", webP),
      ]
    }
  }

  @Test("PNG of the same pixels trains to the same weights in every container, and as WebP")
  func sameWeightsInEveryContainer() throws {
    let faces = try Faces()
    var weights: [(String, UInt64)] = []
    for (name, path) in try faces.containers() {
      let configuration = SmallRun.configuration {
        $0.data = .folder(path)
        $0.length = .steps(5)
        $0.maxBad = 0
      }
      weights.append((name, try SmallRun.train(configuration)[0].weights))
    }
    for (name, hash) in weights { #expect(hash == weights[0].1, "\(name)") }
    #expect(weights.count == 7 && weights[0].1 != 0)
  }

  @Test("A run says at its start and in its report what it passes over and what it warns of")
  func aRunSaysWhatItPassesOver() throws {
    let faces = try Faces()
    let out = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: out) }
    let person = try PhotoSet(path: faces.png).index.people[3]
    let heic = [0, 0, 0, 24] + Array("ftypheic\0\0\0\0mif1heic".utf8)
    try Data(heic).write(to: URL(fileURLWithPath: faces.png + "/\(person)/phone.heic"))
    try Data("x".utf8).write(to: URL(fileURLWithPath: faces.png + "/notes.txt"))
    let configuration = SmallRun.configuration {
      $0.data = .folder(faces.png)
      $0.length = .steps(2)
    }
    _ = try SmallRun.train(configuration, folder: out, speaks: true)
    let folder = RunFolder(path: out)
    let log = try String(contentsOfFile: out + "/log.txt", encoding: .utf8)
    let report = try String(contentsOfFile: folder.report, encoding: .utf8)
    for text in [log, report] {
      #expect(text.contains("passed over: 1 .heic (HEIC), such as \(person)/phone.heic; heif"))
      #expect(text.contains("passed over: 1 .txt, such as notes.txt"))
      #expect(text.contains("photos of a format that is not read, passed over: 1"))
    }
  }

  @Test("check ends with a verdict: sound, warnings, errors")
  func checkEndsWithAVerdict() throws {
    let faces = try Faces()
    func check() throws -> (last: String?, isGood: Bool, verdict: String?, found: [String: Any]) {
      var request = CheckRequest(data: faces.png)
      request.threads = 2
      let (lines, isGood) = try request.run()
      request.printsJSON = true
      let json = try request.run().lines.joined()
      let object = try JSONSerialization.jsonObject(with: Data(json.utf8))
      let found = try #require(object as? [String: Any])
      return (lines.last, isGood, found["verdict"] as? String, found)
    }
    let sound = try check()
    #expect(sound.last == "verdict: sound" && sound.isGood && sound.verdict == "sound")
    let person = try PhotoSet(path: faces.png).index.people[0]
    let heic = [0, 0, 0, 24] + Array("ftypheic\0\0\0\0mif1heic".utf8)
    try Data(heic).write(to: URL(fileURLWithPath: faces.png + "/\(person)/7.heic"))
    let warned = try check()
    #expect(warned.last == "verdict: 1 warning" && warned.isGood && warned.verdict == "warnings")
    let groups = try #require(warned.found["passedOver"] as? [[String: Any]])
    #expect(groups.first?["kind"] as? String == ".heic (HEIC)")
    #expect(groups.first?["example"] as? String == "\(person)/7.heic")
    let folders = try #require(warned.found["passedOverFolders"] as? [[String: Any]])
    #expect(folders.first?["folder"] as? String == person)
    try Data(heic).write(to: URL(fileURLWithPath: faces.png + "/\(person)/8.jpg"))
    let broken = try check()
    #expect(broken.last == "verdict: 1 error, 1 warning" && !broken.isGood)
    #expect(broken.verdict == "errors")
    let bad = try #require(broken.found["badPhotos"] as? [[String: String]])
    #expect(bad.first?["reason"]?.contains("heif-convert") == true)
  }
}
