import Benchmarks
import Foundation
import Interchange
import Testing

@Suite struct DetectorBenchmarkTests {
  /// Made by scripts/golden/detector.py: what is bright is a face.
  private static let detector =
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path
    + "/Golden/detector.onnx"

  private func inFolder(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.path + "/detector-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(folder)
  }

  @Test func outputsAreThoseOfEachImage() throws {
    try inFolder { folder in
      let (height, width) = (64, 64)
      var images = [Float](repeating: 0, count: 2 * height * width * 3)
      // Of the second image the cell of 32 pixels at the top right.
      for y in 0..<32 {
        let row = ((height + y) * width + 32) * 3
        for place in row..<row + 32 * 3 { images[place] = 255 }
      }
      let (file, outputs) = (folder + "/images.npy", folder + "/outputs.safetensors")
      try NumPyFile.write(images, shape: [2, height, width, 3], to: file)
      try DetectorBenchmark(detector: Self.detector).writeOutputs(of: file, to: outputs)
      let found = try SafetensorsFile(path: outputs)
      #expect(try found.floats("kps_8").count == 2 * 64 * 10)
      let sure = try found.floats("obj_32").map { $0 > 0.5 }
      #expect(sure == [false, false, false, false, false, true, false, false])
    }
  }

  @Test func otherImagesAreRefused() throws {
    try inFolder { folder in
      let file = folder + "/images.npy"
      let benchmark = try DetectorBenchmark(detector: Self.detector)
      for shape in [[1, 40, 64, 3], [64, 64, 3], [1, 64, 64, 1]] {
        let values = [Float](repeating: 0, count: shape.reduce(1, *))
        try NumPyFile.write(values, shape: shape, to: file)
        #expect {
          try benchmark.writeOutputs(of: file, to: folder + "/outputs.safetensors")
        } throws: {
          "\($0)".contains("wanted [N, height, width, 3]")
        }
      }
      #expect(throws: InterchangeError.self) { try DetectorBenchmark(detector: file) }
    }
  }

  @Test func everyPartHasATime() throws {
    let report = try DetectorBenchmark(detector: Self.detector).run(
      width: 64, height: 48, budgetSeconds: 0)
    let parts = ["preparation", "network", "decoding", "all"]
    #expect(report.rows.map(\.name) == parts.map { "detect 64x48 \($0)" })
    for row in report.rows { #expect(row.bestSeconds > 0 && row.bestSeconds <= row.medianSeconds) }
  }
}
