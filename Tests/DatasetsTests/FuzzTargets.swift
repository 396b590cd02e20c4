import Datasets
import Detection
import Foundation
import GraphMatching
import Interchange
import TestSupport

/// Every format that is read, but checkpoints and lists of pairs (`TrainingTests`).
enum FuzzTarget: String, CaseIterable, Sendable {
  case safetensors, sealedSafetensors, torch, torchCheckpoint, legacyTorch, torchRows, npy, npz, csv
  case packedNPZ, mendedNPZ
  case records, recordIndex, recordList, recordsAlone, recordPeople, tar, tarLongNames
  case metadataCSV, metadataJSONL, list, numberedList, peopleList, landmarks
  case verification2, verification4, verification5, verificationArrays
  case jpeg, progressiveJPEG, inkJPEG, turnedJPEG, restartedJPEG
  case png, mendedPNG, interlacedPNG, webP, losslessWebP, animatedWebP, lmdb
  case onnx, onnxTypes, recognition, mtcnn

  /// What a reader may take for each byte of a file. Photos unfold: 512 pixels a byte at most, of 3
  /// bytes of colour and, where they are progressive, 6 of coefficients.
  var bytesPerByte: Int {
    switch self {
    case .jpeg, .progressiveJPEG, .inkJPEG, .turnedJPEG, .restartedJPEG: 512 * 9
    // Deflate unfolds a byte to 1,032, and one of these is eight pixels of 3 at most.
    case .png, .mendedPNG, .interlacedPNG: 1032 * 8 * 3 + 1032 * 2
    // Its bytes, unfolded, and the floats or letters of as many.
    case .packedNPZ, .mendedNPZ: 1032 * (1 + 4) + 4
    // Colour, transparency and what libwebp holds meanwhile.
    case .webP, .losslessWebP, .animatedWebP: 4096 * 16
    default: 4
    }
  }

  /// What a reader may take for any file, however short. A WebP of one colour has any size.
  var fixedBytes: Int {
    switch self {
    case .webP, .losslessWebP, .animatedWebP: FuzzTests.fixedBytes + (1 << 18) * 16
    // The maps of the image that the graph computes.
    case .onnx: FuzzTests.fixedBytes + 16 << 20
    // The weights of the three networks, of known shapes, and such maps.
    case .mtcnn: FuzzTests.fixedBytes + 16 << 20
    default: FuzzTests.fixedBytes
    }
  }

  /// Those whose files grow with what they name.
  static let large: [FuzzTarget] = [
    .npz, .csv, .records, .recordsAlone, .tar, .metadataCSV, .metadataJSONL, .list, .numberedList,
    .landmarks, .verification4,
  ]
}

/// A sound file of a format on disk, what breaks it, and how it is read.
final class FuzzFile {
  let sound: [UInt8]
  /// Bytes of the files beside it that are read with it.
  private(set) var otherBytes = 0
  private let folder = TemporaryFolder()
  private let name: String
  private let readAll: (String) throws -> Void

  /// Puts `bytes` in the place of the sound file.
  func install(_ bytes: [UInt8]) { folder.write(name, bytes) }

  /// Reads all that it holds; throws what the reader throws.
  func read() throws { try readAll(folder.path) }

  init(_ target: FuzzTarget, isLarge: Bool = false) throws {
    switch target {
    case .safetensors, .sealedSafetensors, .torch, .torchCheckpoint, .legacyTorch, .torchRows,
      .npy, .npz, .csv, .packedNPZ, .mendedNPZ:
      name = "file"
      let path = folder.path + "/file"
      try Self.writeTensors(target, to: path, isLarge: isLarge)
      readAll = { folder in
        if target == .mendedNPZ { try PackedArchive.mend(folder + "/file") }
        try Self.readTensors(target, folder + "/file")
      }
    case .records, .recordIndex, .recordList, .recordsAlone, .recordPeople, .tar, .tarLongNames:
      let isTar = target == .tar || target == .tarLongNames
      let files = [
        FuzzTarget.recordIndex: "p/train.idx", .recordList: "p/train.lst", .tar: "p.tar",
        .tarLongNames: "p.tar",
      ]
      name = files[target] ?? "p/train.rec"
      try Self.writePack(target, in: folder, isLarge: isLarge)
      readAll = { try Self.readPhotos($0 + (isTar ? "/p.tar" : "/p"), bytes: true) }
    case .metadataCSV, .metadataJSONL, .list, .numberedList, .peopleList, .landmarks:
      let files = [FuzzTarget.metadataCSV: "metadata.csv", .metadataJSONL: "metadata.jsonl"]
      let file = files[target] ?? "list.txt"
      name = file
      let photos = Self.writeNames(target, in: folder, named: file, isLarge: isLarge)
      readAll = { folder in
        switch target {
        case .metadataCSV, .metadataJSONL: try Self.readPhotos(folder, bytes: false)
        case .list, .numberedList: try Self.readPhotos(folder + "/list.txt", bytes: false)
        case .peopleList: _ = try PeopleList.names(in: folder + "/list.txt")
        default:
          _ = try Landmarks(
            file: folder + "/list.txt", for: photos, imageSize: 112)
        }
      }
    case .verification2, .verification4, .verification5, .verificationArrays:
      name = "faces.bin"
      let count = isLarge ? 3000 : 20
      let images = (0..<count).map { Pictures.jpeg(16, 16, seed: $0 % 50) }
      let version = [FuzzTarget.verification2: 2, .verification4: 4][target] ?? 5
      folder.write(
        name,
        Pickles.verification(
          images, (0..<count / 2).map { $0 % 2 == 0 }, version: version,
          asArrays: target == .verificationArrays))
      readAll = { folder in
        let bin = try VerificationBin(path: folder + "/faces.bin")
        for photo in 0..<bin.photoCount { bin.withImage(photo) { _ = $0.count } }
      }
    case .jpeg, .progressiveJPEG, .inkJPEG, .turnedJPEG, .restartedJPEG:
      name = "photo.jpg"
      let fixtures = [
        FuzzTarget.jpeg: "color.jpg", .progressiveJPEG: "progressive.jpg", .inkJPEG: "ycck.jpg",
        .turnedJPEG: "exif6.jpg",
      ]
      folder.write(name, try Pictures.fixture(fixtures[target] ?? "restarts.jpg"))
      readAll = { folder in
        let bytes = ByteBuffer()
        try FileReader.read(folder + "/photo.jpg", into: bytes)
        try JPEGDecoder().decode(bytes.bytes, into: PixelBuffer())
      }
    case .png, .mendedPNG, .interlacedPNG, .webP, .losslessWebP, .animatedWebP:
      name = "photo"
      folder.write(name, Self.photo(target))
      readAll = { folder in
        let bytes = ByteBuffer()
        try FileReader.read(folder + "/photo", into: bytes)
        // With its checksums mended, what is broken gets further than to the first of them.
        if target == .mendedPNG {
          let mended = PNGPhoto.mended(Array(bytes.bytes))
          mended.withUnsafeBytes { bytes.set($0) }
        }
        try ImageDecoder().decode(bytes.bytes, into: PixelBuffer())
      }
    case .lmdb:
      name = "faces.lmdb"
      let photos = (0..<40).map { Pictures.jpeg(16, 16, seed: $0 % 50) }
      let large = Pictures.jpeg(64, 64, quality: 100)
      folder.write(
        name,
        LMDBWriter.file(
          (0..<40).map { ("\($0)", LMDBWriter.value($0 == 7 ? large : photos[$0], label: $0 / 5)) })
      )
      readAll = { try Self.readPhotos($0 + "/faces.lmdb", bytes: true) }
    case .recognition:
      name = "net.onnx"
      var graph = RecognitionGraph()
      graph.flattens = .computedShape
      try graph.write(to: folder.path + "/net.onnx")
      readAll = { folder in
        let file = try ONNXFile(path: folder + "/net.onnx")
        let weights = try ONNXWeights(
          file, of: RecognitionGraph.network, normalization: ([1, 1, 1], [0, 0, 0]))
        for name in weights.names { _ = try weights.elements(of: name) }
      }
    case .mtcnn:
      name = "pnet.pt"
      for file in ["pnet.pt", "rnet.pt", "onet.pt"] {
        let golden = URL(fileURLWithPath: MTCNNTests.folder + "/" + file)
        folder.write(file, [UInt8](try Data(contentsOf: golden)))
      }
      readAll = { folder in
        let finder = FaceFinder(try FaceDetector(path: folder), score: 0.1)
        _ = try finder.faces(on: MTCNNTests.mosaic(40, 40))
      }
    case .onnx, .onnxTypes:
      name = "graph.onnx"
      let golden = GoldenDetector.folder + (target == .onnx ? "/graph.onnx" : "/types.onnx")
      folder.write(name, [UInt8](try Data(contentsOf: URL(fileURLWithPath: golden))))
      readAll = { folder in
        let file = try ONNXFile(path: folder + "/graph.onnx")
        for tensor in file.graph.tensors {
          _ = file.floats(of: tensor)
          _ = file.integers(of: tensor)
        }
        guard target == .onnx else { return }
        // Two sizes, neither that at which a detector is looked at when it is opened.
        let finder = FaceFinder(try FaceDetector(path: folder + "/graph.onnx"), score: 0.1)
        for (width, height) in [(40, 60), (150, 90)] {
          let photo = PixelBuffer(width: width, height: height)
          photo.pixels.update(repeating: 127, count: width * height * 3)
          _ = try finder.faces(on: photo)
        }
      }
    }
    sound = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder.path + "/" + name)))
    guard name.hasPrefix("p/") else { return }
    for file in try FileManager.default.contentsOfDirectory(atPath: folder.path + "/p") {
      let facts = try FileManager.default.attributesOfItem(atPath: folder.path + "/p/" + file)
      if "p/" + file != name { otherBytes += facts[.size] as? Int ?? 0 }
    }
  }

  // MARK: Tensors

  private static func writeTensors(_ target: FuzzTarget, to path: String, isLarge: Bool) throws {
    func torch(_ base64: String) throws {
      try Data(base64Encoded: base64)!.write(to: URL(fileURLWithPath: path))
    }
    switch target {
    case .safetensors, .sealedSafetensors:
      try SafetensorsFile.write(
        tensors: [
          SafetensorsTensor(name: "a", shape: [3, 4], floats: (0..<12).map { Float($0) }),
          SafetensorsTensor(name: "b", shape: [], integers: [7]),
        ], metadata: ["format": "pt"], checksums: target == .sealedSafetensors, to: path)
    case .torch: try torch(TorchFiles.stateDictionary)
    case .torchCheckpoint: try torch(TorchFiles.checkpoint)
    case .legacyTorch: try torch(TorchFiles.legacy)
    case .torchRows: try torch(TorchRowFiles.named)
    case .packedNPZ, .mendedNPZ: try torch(PackedFiles.archive)
    case .npy: try NumPyFile.write((0..<24).map { Float($0) }, shape: [4, 6], to: path)
    case .npz:
      let count = isLarge ? 20_000 : 2
      let bytes = [Int8](repeating: 3, count: 128 * count)
      try NumPyArchive.write(
        [
          NumPyMember(
            SafetensorsTensor(name: "embeddings", type: .int8, shape: [count, 128]) {
              try bytes.withUnsafeBytes($0)
            }),
          NumPyMember(name: "names", strings: (0..<count).map { "person-\($0 / 10)/\($0).jpg" }),
        ], to: path)
    default:
      try CSVTable.write(
        names: (0..<(isLarge ? 3000 : 2)).map { "a,\($0)" }, columns: 128, to: path
      ) { row in (0..<128).map { "\(Float($0 + row) / 3)" } }
    }
  }

  private static func readTensors(_ target: FuzzTarget, _ path: String) throws {
    switch target {
    case .npy: _ = try NumPyFile.read(path)
    case .csv: _ = try CSVTable(path: path)
    case .torchRows:
      let file = try PyTorchFile(rowsOf: path)
      for name in file.names { _ = try file.elements(of: name) }
    case .npz, .packedNPZ, .mendedNPZ:
      let archive = try NumPyArchive(path: path)
      for name in archive.names {
        do {
          _ = try archive.elements(of: name)
        } catch {
          // One member of the sound file is of objects, which are not read.
          do {
            _ = try archive.strings(of: name)
          } catch InterchangeError.unsupported where target != .npz {
          }
        }
      }
    default:
      let archive = try TensorFiles.open(path)
      for name in archive.names { _ = try archive.elements(of: name) }
      if target == .sealedSafetensors {
        try SafetensorsFile(path: path).verify(requiresChecksums: true)
      }
    }
  }

  // MARK: Photos

  private static func writePack(
    _ target: FuzzTarget, in folder: TemporaryFolder, isLarge: Bool
  ) throws {
    let photos = isLarge ? TemporaryFolder() : PackTests.folder()
    if isLarge {
      let jpeg = photos.write("0/0.jpg", Pictures.jpeg(16, 16))
      for photo in 1..<3000 {
        if photo % 10 == 0 { photos.makeFolder("\(photo / 10)") }
        try FileManager.default.linkItem(
          atPath: jpeg, toPath: photos.path + "/\(photo / 10)/\(photo % 10).jpg")
      }
    } else if target == .tarLongNames {
      photos.write(String(repeating: "long", count: 60) + "/1.jpg", Pictures.jpeg(20, 20))
    }
    let set = try PhotoSet(path: photos.path)
    switch target {
    case .tar, .tarLongNames:
      _ = try PackWriter.write(set, as: .tar, to: folder.path + "/p.tar")
    default:
      _ = try PackWriter.write(set, as: .rec, to: folder.path + "/p")
      // Without a list the records say who is on them, without an index where they are.
      if target == .recordsAlone || target == .recordPeople {
        try FileManager.default.removeItem(atPath: folder.path + "/p/train.lst")
      }
      if target == .recordsAlone {
        try FileManager.default.removeItem(atPath: folder.path + "/p/train.idx")
      }
    }
  }

  private static func photo(_ target: FuzzTarget) -> [UInt8] {
    let image = Pictures.pattern(40, 30)
    switch target {
    case .webP: return WebPPhoto.of(image, quality: 80)
    case .losslessWebP:
      let file = WebPPhoto.of(image)
      return WebPPhoto.adding(
        exif: EXIFBlock.orientation(6), to: file, width: image.width, height: image.height)
    case .animatedWebP:
      let frame = WebPPhoto.of(image)
      return WebPPhoto.animation(
        [(frame, 2, 2, 40, 30), (frame, 0, 0, 40, 30)], width: 50, height: 40)
    case .interlacedPNG:
      let pixels = (0..<40 * 30 * 4).map { UInt8(truncatingIfNeeded: $0 &* 31) }
      return PNGPhoto(width: 40, height: 30, colorType: 6, isInterlaced: true).file(pixels)
    default:
      return PNGPhoto.inserting(
        "eXIf", EXIFBlock.orientation(6), before: "IDAT", in: PNGPhoto.of(image))
    }
  }

  /// Opens the set; with `bytes` reads every photo too.
  private static func readPhotos(_ path: String, bytes: Bool) throws {
    let set = try PhotoSet(path: path)
    let buffer = ByteBuffer()
    var failure: ImageError?
    for photo in set.index.photos.indices {
      _ = set.index.photos[photo].path
      guard bytes else { continue }
      do throws(ImageError) { try set.source.read(photo, into: buffer) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  /// Writes a file that names photos, of which the first is there; returns the photos.
  private static func writeNames(
    _ target: FuzzTarget, in folder: TemporaryFolder, named file: String, isLarge: Bool
  ) -> PhotoIndex {
    let photos = (0..<(isLarge ? 40_000 : 20)).map { photo in
      let person = "person number \(100_000 + photo / 10)"
      return Photo(path: "\(person)/photo-\(photo % 10).jpg", person: photo / 10)
    }
    folder.write(photos[0].path, Pictures.jpeg(8, 8))
    func lines(_ line: (Int, Photo) -> String) -> String {
      photos.enumerated().map { line($0, $1) + "\n" }.joined()
    }
    let points = "38.2946 51.6963 73.5318 51.5014 56.0252 71.7366 41.5493 92.3655 70.7299 92.2041"
    let text =
      switch target {
      case .metadataCSV: "file_name,label\n" + lines { "\"\($1.path)\",\($1.person)" }
      case .metadataJSONL: lines { "{\"file_name\": \"\($1.path)\", \"label\": \($1.person)}" }
      case .numberedList: lines { "\($0)\t\($1.person).0\t\($1.path)" }
      case .peopleList: "2\n10\n" + lines { ($0 == 10 ? "10\n" : "") + "anna bo\t\($1.person)" }
      case .landmarks: lines { "\($1.path) \(points)" }
      default: lines { "\($1.path) \($1.person)" }
      }
    folder.write(file, text)
    let people = (0...(photos.last?.person ?? 0)).map { "person number \(100_000 + $0)" }
    return PhotoIndex(photos: photos, people: people)
  }
}

/// Writes pickles as Python does.
enum Pickles {
  /// A verification set: byte strings, or NumPy's arrays of bytes as protocol 5 has them.
  static func verification(
    _ images: [[UInt8]], _ isSame: [Bool], version: Int, asArrays: Bool = false
  ) -> [UInt8] {
    func length(_ count: Int) -> [UInt8] {
      withUnsafeBytes(of: UInt32(count).littleEndian) { Array($0) }
    }
    let isOld = version == 2
    var body: [UInt8] = [UInt8(ascii: "]"), UInt8(ascii: "(")]
    for image in images {
      if asArrays { body += Array("cnumpy._core.numeric\n_frombuffer\n(".utf8) }
      // T is a byte string of Python 2, B one of Python 3.
      body += [UInt8(ascii: isOld ? "T" : "B")] + length(image.count) + image
      if asArrays {
        // ... uint8, (count,), 'C')
        body += Array("X".utf8) + length(2) + Array("u1J".utf8) + length(image.count)
        body += [0x85] + Array("X".utf8) + length(1) + Array("CtR".utf8)
      }
      if !isOld { body.append(0x94) }
    }
    body += [UInt8(ascii: "e"), UInt8(ascii: "]"), UInt8(ascii: "(")]
    body += isSame.map { $0 ? 0x88 : 0x89 }
    body += [UInt8(ascii: "e"), 0x86, UInt8(ascii: ".")]
    let frame: [UInt8] =
      isOld ? [] : [0x95] + withUnsafeBytes(of: UInt64(body.count).littleEndian) { Array($0) }
    return [0x80, UInt8(version)] + frame + body
  }
}
