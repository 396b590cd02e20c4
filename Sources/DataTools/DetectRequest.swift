package import Collectives
package import Datasets
package import Detection
internal import Interchange
internal import RawPhotos
internal import Sessions

/// What `ddp-train align --detector` is asked.
package struct DetectRequest: Sendable {
  /// Photos in any form that `--data` takes.
  package var data: String
  /// The folder to write, which must be empty or not there.
  package var out: String
  /// The file of a detector, or its folder.
  package var detector: String
  /// The table of what was found to write; nil writes none.
  package var points: String?
  /// The page of what was found to write; nil writes none.
  package var html: String?
  /// Which faces of a photo are taken.
  package var faces = FaceChoice.largest
  /// The least score of a face, 0 to 1; nil is the detector's usual one.
  package var score: Double?
  /// Height and width of the aligned photos in pixels.
  package var size: ImageSize
  /// JPEG quality of the aligned photos, 1...100.
  package var quality = FaceCutter.usualQuality
  /// Compute threads of a rank; nil is its share of the host.
  package var threads: Int?

  /// Aligns the photos of `data` by what `detector` finds; `size` is `112` or `140x116`, height
  /// first, nil where it is no size of 1 to 1024 pixels.
  package init?(data: String, out: String, detector: String, size: String = "112") {
    let any = AlignRequest(data: data, out: out, landmarks: "", size: size)
    guard let any else { return nil }
    (self.data, self.out, self.detector, self.size) = (data, out, detector, any.size)
  }
}

extension DetectRequest {
  /// Finds faces and writes them aligned, each rank its share of the photos; returns what the first
  /// rank has to say, and whether every photo could be read and there was a face at all.
  package func answer(
    over communicator: any Communicator
  ) throws -> (lines: [String], isGood: Bool) {
    try checkFiles()
    let session = try Session.start(communicator: communicator, threads: threads, quiet: false)
    let found = try DetectedAlignment.run(self, in: session)
    guard communicator.rank == 0 else { return ([], true) }
    if let points {
      try TextFile.write(
        ([FoundFaces.titles] + found.rows).joined(separator: "\n") + "\n", to: points)
    }
    return (lines(of: found), found.bad.isEmpty && found.written > 0)
  }

  /// Throws `CommandFiles.Conflict` where the table would cost a file that is read.
  private func checkFiles() throws {
    try CommandFiles.check { files in
      files.readData(data, as: "the data")
      for file in FaceDetector.files(of: detector) { files.read(file, as: "--detector") }
      files.make(out)
      files.writePhotos(into: out, as: "the folder")
      files.write(points, as: "--points")
      files.write(html, as: "--html")
    }
  }

  private func lines(of found: DetectedAlignment.Result) -> [String] {
    var lines = found.notes + found.bad.map { "bad photo: \($0)" }
    lines += Self.first(found.faceless, "no face")
    lines += Self.first(found.doubtful, "points of no face")
    var summary = "\(found.written) faces of \(found.photos) photos aligned to \(size) in \(out)"
    if !found.faceless.isEmpty {
      summary += ", \(found.faceless.count) photos without a face left out"
    }
    if found.several > 0 {
      summary +=
        ", \(found.several) photos with several faces"
        + (faces == .all ? "" : ", the \(faces.rawValue) one taken")
    }
    lines.append(summary)
    if found.written == 0, found.photos > found.bad.count {
      lines.append(
        "no face was found on any photo: look at some of them; --score \(found.leastScore) is the least score "
          + "of a face")
    }
    return lines
  }

  /// A line for each of the first of `paths`, then how many there are.
  private static func first(_ paths: [String], _ what: String) -> [String] {
    paths.prefix(20).map { "\(what): \($0)" }
      + (paths.count > 20 ? ["\(what): \(paths.count) in all"] : [])
  }
}
