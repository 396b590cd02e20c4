import Collectives
import Configuration
import DataTools
import Datasets
import Detection
import Foundation
import Interchange
import Interop
import Measuring
import Networks
import RawPhotos
import RunSupport
import Tasks
import TestSupport
import Testing

/// Photos as a camera takes them, in `embed`, `verify`, `identify` and `cluster`.
@Suite struct RawPhotoTests {
  private final class Folder {
    let path = SmallRun.temporaryFolder()
    deinit { try? FileManager.default.removeItem(atPath: path) }
  }

  private let folder = Folder()
  private var photos: String { folder.path + "/photos" }
  private var checkpoint: String { folder.path + "/net.safetensors" }

  /// Two photos of Ann, on one of them a second face; a large one of Bob, one of nobody and a file
  /// that is no photo; and a network of drawn weights.
  init() throws {
    try SquarePhotos.write(photos + "/ann/one.jpg", 120, 130, [(32, 64, 32, 255)])
    try SquarePhotos.write(
      photos + "/ann/two.jpg", 250, 96, [(0, 32, 32, 255), (128, 32, 32, 215)])
    try SquarePhotos.write(photos + "/bob/large.jpg", 700, 500, [(256, 128, 128, 255)])
    try SquarePhotos.write(photos + "/bob/nobody.jpg", 100, 100, [])
    try Data("no photo".utf8).write(to: URL(fileURLWithPath: photos + "/bob/broken.jpg"))
    let network = try #require(Models.model(named: "iresnet10")).network(
      image: MapShape(height: 112, width: 112, channels: 3), maximumRows: 1,
      options: ModelOptions(embedding: 16, width: 0.125))
    var tensors = network.parameters.map { description in
      var values = [Float](repeating: 0, count: description.range.count)
      values.withUnsafeMutableBufferPointer {
        description.initialize($0.baseAddress!, seed: 5)
      }
      var logical = values
      logical.withUnsafeMutableBufferPointer {
        description.copyLogical(from: values, into: $0.baseAddress!)
      }
      return SafetensorsTensor(name: description.name, shape: description.shape, floats: logical)
    }
    for entry in network.statistics {
      for (part, value) in [(".running_mean", Float(0)), (".running_var", 1)] {
        tensors.append(
          SafetensorsTensor(
            name: entry.name + part, shape: [entry.channels],
            floats: [Float](repeating: value, count: entry.channels)))
      }
    }
    try SafetensorsFile.write(tensors: tensors, checksums: false, to: folder.path + "/w")
    _ = try ImportRequest(
      file: folder.path + "/w", out: checkpoint,
      options: [("model", "iresnet10"), ("width", "0.125"), ("normalize", "half")].map {
        .flag($0.0, $0.1)
      }, channels: .rgb
    ).run()
  }

  private var search: FaceSearch { FaceSearch(detector: SquarePhotos.detector) }

  private func align(_ faces: FaceChoice, into out: String) throws {
    var request = try #require(
      DetectRequest(
        data: photos, out: folder.path + "/" + out, detector: SquarePhotos.detector))
    request.faces = faces
    request.threads = 1
    _ = try request.answer(over: SoloCommunicator())
  }

  private func request(
    _ data: String, _ search: FaceSearch? = nil, _ change: (inout EmbedRequest) -> Void = { _ in }
  ) -> EmbedRequest {
    var request = EmbedRequest(
      checkpoint: checkpoint, data: .folder(data), out: folder.path + "/e.npz", quiet: true)
    request.search = search
    request.threads = 1
    request.maxBad = 1
    change(&request)
    return request
  }

  /// The rows by their names.
  private func rows(_ request: EmbedRequest, ranks: Int = 1) throws -> [String: [Float]] {
    if ranks == 1 {
      try request.run(over: SoloCommunicator())
    } else {
      _ = try ThreadCommunicator.run(size: ranks) { try request.run(over: $0) }
    }
    let archive = try NumPyArchive(path: #require(request.out))
    let values = try archive.elements(of: "embeddings")
    let names = try archive.strings(of: "names")
    let length = values.count / names.count
    let pairs: [(String, [Float])] = names.enumerated().map {
      ($1, Array(values[$0 * length..<($0 + 1) * length]))
    }
    return Dictionary(uniqueKeysWithValues: pairs)
  }

  /// The bits of what `align --detector` writes; photos without a face have no row, and the one
  /// that cannot be read has one of NaN, as everywhere.
  @Test(arguments: [FaceChoice.largest, .centred])
  func embeddingsAreThoseOfAlignedPhotos(choice: FaceChoice) throws {
    try align(choice, into: "aligned")
    let expected = try rows(request(folder.path + "/aligned"))
    #expect(expected.keys.sorted() == ["ann/one.jpg", "ann/two.jpg", "bob/large.jpg"])
    var search = self.search
    search.faces = choice
    for (ranks, threads) in [(1, 1), (3, 2)] {
      var found = try rows(request(photos, search) { $0.threads = threads }, ranks: ranks)
      let broken = found.removeValue(forKey: "bob/broken.jpg")
      let isNumber = broken?.contains { !$0.isNaN }
      #expect(isNumber == false)
      #expect(found == expected, "\(ranks) ranks")
    }
    let mirrored = try rows(request(photos, search) { $0.writesMirrored = true })
    let alsoAligned = try rows(
      request(folder.path + "/aligned") { $0.writesMirrored = true })
    #expect(alsoAligned.count == 6)
    for (name, row) in alsoAligned { #expect(mirrored[name] == row, "\(name)") }
    // As they are, they are others.
    #expect(try rows(request(photos))["ann/one.jpg"] != expected["ann/one.jpg"])
  }

  @Test func theOtherFaceIsTakenWhereItIsAsked() throws {
    var centred = search
    centred.faces = .centred
    let (one, other) = (try rows(request(photos, search)), try rows(request(photos, centred)))
    #expect(one["ann/two.jpg"] != other["ann/two.jpg"])
    #expect(one["ann/one.jpg"] == other["ann/one.jpg"])
  }

  @Test func whereThereIsNoFaceNothingIsWritten() throws {
    let empty = folder.path + "/empty"
    try SquarePhotos.write(empty + "/cy/dark.jpg", 100, 100, [])
    #expect {
      try request(empty, search).run(over: SoloCommunicator())
    } throws: {
      "\($0)".contains("has no photo with a face")
    }
    #expect(!FileManager.default.fileExists(atPath: folder.path + "/e.npz"))
    var conflict = request(photos, search)
    conflict.out = folder.path + "/detector.npz"
    conflict.search?.detector = folder.path + "/detector.npz"
    #expect(throws: CommandFiles.Conflict.self) { try conflict.run(over: SoloCommunicator()) }
  }

  /// A phone's folder has no people.
  @Test func flatFoldersAreAlignedAndEmbedded() throws {
    let flat = folder.path + "/flat"
    try SquarePhotos.write(flat + "/IMG_1.jpg", 250, 96, [(0, 32, 32, 255), (128, 32, 32, 215)])
    try SquarePhotos.write(flat + "/IMG_2.jpg", 100, 100, [])
    try SquarePhotos.write(flat + "/IMG_3.jpg", 120, 130, [(32, 64, 32, 255)])
    var align = try #require(
      DetectRequest(
        data: flat, out: folder.path + "/aligned", detector: SquarePhotos.detector))
    align.faces = .all
    align.threads = 1
    let (lines, isGood) = try align.answer(over: SoloCommunicator())
    #expect(isGood && lines.contains("no face: IMG_2.jpg"), "\(lines)")
    let written = try FileManager.default.contentsOfDirectory(atPath: align.out).sorted()
    #expect(written == ["IMG_1-face2.jpg", "IMG_1.jpg", "IMG_3.jpg"])
    let (expected, found) = (try rows(request(align.out)), try rows(request(flat, search)))
    #expect(found.keys.sorted() == ["IMG_1.jpg", "IMG_3.jpg"])
    for (name, row) in found { #expect(row == expected[name], "\(name)") }
  }

  // MARK: Tasks

  private func options(_ search: FaceSearch?) -> FaceOptions {
    var options = FaceOptions(source: .checkpoint(checkpoint))
    options.search = search
    options.threshold = 1
    options.json = true
    options.threads = 1
    return options
  }

  private func object(_ answer: TaskAnswer) throws -> [String: Any] {
    let text = Data(answer.lines.joined().utf8)
    return try #require(try JSONSerialization.jsonObject(with: text) as? [String: Any])
  }

  @Test func tasksCompareTheFacesThatAreFound() throws {
    try align(.largest, into: "aligned")
    func distance(_ root: String, _ search: FaceSearch?) throws -> Double? {
      let request = VerifyRequest(
        options(search), first: root + "/ann/one.jpg", second: root + "/bob/large.jpg")
      return try object(try request.answer(over: SoloCommunicator()))["distance"] as? Double
    }
    let expected = try #require(try distance(folder.path + "/aligned", nil))
    #expect(try distance(photos, search) == expected)
    #expect(try distance(photos, nil) != expected)
    #expect {
      try VerifyRequest(
        options(search), first: photos + "/ann/one.jpg", second: photos + "/bob/nobody.jpg"
      ).answer(over: SoloCommunicator())
    } throws: {
      "\($0)".contains("nobody.jpg cannot be compared: no face was found on it")
    }
  }

  @Test func photosWithoutAFaceAreNamedAndCounted() throws {
    let identify = try IdentifyRequest(
      options(search), gallery: photos, probes: [photos + "/bob", photos + "/ann/one.jpg"]
    ).answer(over: SoloCommunicator())
    #expect(!identify.isGood)
    let gallery = try #require(try object(identify)["unreadable_gallery"] as? [[String: String]])
    #expect(gallery.compactMap { $0["photo"] } == ["bob/broken.jpg", "bob/nobody.jpg"])
    #expect(gallery[1]["reason"]?.hasPrefix("no face was found on it") == true)
    let probes = try #require(try object(identify)["probes"] as? [[String: Any]])
    #expect(probes.count { $0["unreadable"] is String } == 2 && probes.count == 4)

    var cluster = ClusterRequest(options(search), photos: photos)
    cluster.options.json = false
    cluster.html = folder.path + "/sheet.html"
    let answer = try cluster.answer(over: SoloCommunicator())
    #expect(!answer.isGood)
    #expect(answer.lines.contains { $0.hasPrefix("unreadable: bob/nobody.jpg: no face was found") })
    #expect(answer.lines.contains { $0.hasSuffix(", 2 unreadable") }, "\(answer.lines)")
    // Its pictures are those of the faces.
    let sheet = try String(contentsOfFile: folder.path + "/sheet.html", encoding: .utf8)
    #expect(sheet.components(separatedBy: "data:image/jpeg;base64,").count == 4)
    cluster.html = nil
    let several = cluster
    let ranks = try ThreadCommunicator.run(size: 2) { try several.answer(over: $0).lines }
    #expect(ranks == [answer.lines, []])
  }
}
