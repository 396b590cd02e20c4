import Collectives
import Foundation
import Interchange
import Measuring
import RunSupport
import Tasks
import Testing

/// What `identify` says of galleries in which several people are equally near.
@Suite final class IdentifyTieTests {
  private let folder = SmallRun.temporaryFolder()

  init() throws { try Folders.make(folder) }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  /// The figures of the photos of `who` against those of `known`, each at an angle in degrees.
  private func figures(_ rows: [(name: String, degrees: Double)]) throws -> [String: Double] {
    let values = rows.flatMap { row in
      [Float(cos(row.degrees * .pi / 180)), Float(sin(row.degrees * .pi / 180))]
    }
    try NumPyFile.write(values, shape: [rows.count, 2], to: folder + "/faces.npy")
    try TextFile.write(rows.map { $0.name + "\n" }.joined(), to: folder + "/faces.txt")
    var options = FaceOptions(
      source: .embeddings(file: folder + "/faces.npy", names: folder + "/faces.txt"))
    (options.threshold, options.json) = (1, true)
    let answer = try IdentifyRequest(options, gallery: "known", probes: ["who"])
      .answer(over: SoloCommunicator())
    let object = try JSONSerialization.jsonObject(
      with: Data(answer.lines.joined(separator: "\n").utf8))
    return try #require((object as? [String: Any])?["figures"] as? [String: Double])
  }

  @Test func aCollapsedNetworkIdentifiesNobody() throws {
    // More photos of the first person than any list of the nearest holds.
    var rows = (0..<30).map { (name: "known/ann/\($0)", degrees: 20.0) }
    rows += [("known/bob/1", 20), ("who/ann/x", 20), ("who/bob/x", 20)]
    #expect(try figures(rows)["rank-1"] == 0)
    // Ann's photos are alike and nobody else's are.
    rows[30].degrees = 90
    rows[32].degrees = 80
    #expect(try figures(rows)["rank-1"] == 1)
  }
}
