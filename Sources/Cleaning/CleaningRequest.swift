internal import Collectives
internal import Datasets
package import EmbeddingFiles
internal import Evaluation
internal import Interchange
internal import Kernels
internal import Reports
internal import Sessions

/// What `ddp-train check --embeddings` is asked.
package struct CleaningRequest: Sendable {
  /// Embeddings of the photos with their names, as `embed` writes them; with `rows` the checkpoint
  /// that these are from.
  package var embeddings: String
  /// The embeddings of the photos where no file holds them.
  package var rows: EmbeddedRows?
  /// Centres of the people, with whose main ones photos are compared in place of one another.
  package var centres: PersonCentres?
  /// A file of their names, where these stand neither in it nor beside it.
  package var names: String?
  /// The photos in any form that `--data` takes; nil takes the folders of names for people, and
  /// shows no pictures.
  package var data: String?
  /// A list of photos and people to leave out.
  package var exclude: String?
  /// Embeddings of evaluation sets, whose people must not be in the data.
  package var against: [String] = []
  /// From which cosines on something is found.
  package var limits = CleaningLimits()
  /// The list for `--exclude` to write.
  package var out: String?
  /// The page to write.
  package var html: String?
  /// Whether the answer is one JSON object.
  package var printsJSON = false
  /// Threads; nil is the host's share.
  package var threads: Int?
  /// Bytes of the rows that all threads compare theirs with.
  package var blockBytes = 32 << 20

  /// Looks at the file `embeddings`.
  package init(embeddings: String) { self.embeddings = embeddings }
}

extension CleaningRequest {
  /// Looks for what is wrong, and writes list and page; returns what to say and whether nothing is
  /// wrong that no list takes away. Throws what is wrong with files.
  package func run() throws -> (lines: [String], isGood: Bool) {
    try checkFiles()
    BLASRuntime.configureSingleThread()
    let work = LongWork(
      console: Console(isSpeaker: true, isQuiet: printsJSON, isLaunched: false),
      progress: RankProgress(), stop: NeverAsked())
    let tell = Self.teller(isQuiet: printsJSON)
    let (stored, names) =
      try rows.map { ($0.rows, $0.names) }
      ?? work.run("opening \(embeddings)") { _ in
        try CheckedRows.open(embeddings, names: self.names, tell: tell)
      }
    let rows = try work.run("finding photos", unit: "photos") { meter -> CheckedRows in
      guard let data else {
        return try CheckedRows(stored, names: names, path: embeddings, excluding: exclude)
      }
      let set = try PhotoSet(path: data, besides: filesRead, meter: meter)
        .excluding(exclude, data: data)
      return try CheckedRows(stored, names: names, path: embeddings, photos: set)
    }
    try requireSpread(rows)
    if let centres, centres.rows.width != rows.rows.width {
      throw CleaningError.notOfOneWidth(
        path: embeddings, width: rows.rows.width, other: centres.path,
        otherWidth: centres.rows.width)
    }
    let sets = try against.map { try set($0, width: rows.rows.width, tell: tell) }
    let threads =
      threads
      ?? min(HostProcessors.current.allowedCount, ControlGroup.current.wholeProcessors ?? .max)
    let followed = limits.followsStrangers || limits.followsPeople
    let (limits, rule) = limits.settled(by: followed ? StrangerCosines(rows) : nil)
    let search = CleaningSearch(
      rows: rows, limits: limits, pairs: PairSearch(threads: threads, blockBytes: blockBytes),
      ownCentres: centres, work: work)
    let findings = try search.find(against: sets.map { $0.rows })
    let list = try CleaningList(findings, of: rows.index, sets: against)
    var settled = self
    settled.limits = limits
    let report = CleaningReport(
      settled, rule: rule, rows, findings, list,
      sets: zip(against, sets).map { (path: $0, names: $1.names) })
    if let out { try list.write(to: out, of: embeddings) }
    if let html {
      let page = try CleaningPage(report, findings, rows)
      try work.run("drawing the page") { _ in try TextFile.write(page.render(), to: html) }
    }
    let lines = printsJSON ? [try TaskJSON.text(report)] : report.lines
    return (lines, out != nil || report.verdict == .sound)
  }

  private static func teller(isQuiet: Bool) -> (String) -> Void {
    { note in if !isQuiet { StandardOutput.complain("ddp-train: note: \(note)") } }
  }

  private var filesRead: [String] {
    ([embeddings] + against) + [names, exclude, out, html].compactMap(\.self)
  }

  /// The rows of an evaluation set that can be compared, and what they are called.
  private func set(
    _ path: String, width: Int, tell: (String) -> Void
  ) throws -> (rows: UnitRows, names: [String]) {
    let (rows, names) = try CheckedRows.open(path, names: nil, tell: tell)
    guard rows.width == width else {
      throw CleaningError.notOfOneWidth(
        path: embeddings, width: width, other: path, otherWidth: rows.width)
    }
    let kept = (0..<rows.count).filter {
      !names[$0].hasSuffix(MirroredName.ending) && UnitRows.hasDirection($0, of: rows)
    }
    if kept.count < rows.count {
      tell("\(path): \(rows.count - kept.count) of its rows are mirrored or without direction")
    }
    return (UnitRows(rows, at: kept.map { Int32($0) }), kept.map { names[$0] })
  }

  /// Photos by which it is seen whether embeddings are all alike.
  private static let sampleCount = 1024

  /// Throws where the embeddings have collapsed: every photo would be a copy of every other.
  private func requireSpread(_ rows: CheckedRows) throws {
    let step = max(1, rows.places.count / Self.sampleCount)
    let sample = stride(from: 0, to: rows.places.count, by: step).map { rows.places[$0] }
    let width = rows.rows.width
    var values = [Float](repeating: 0, count: sample.count * width)
    values.withUnsafeMutableBufferPointer { values in
      for (item, row) in sample.enumerated() {
        rows.rows.read(Int(row), into: values.baseAddress! + item * width)
      }
    }
    if let warning = CollapseWarning.text(Embeddings(values, dimension: width)) {
      throw CleaningError.collapsed(path: embeddings, warning: warning)
    }
  }

  /// Throws `CommandFiles.Conflict` where the list or the page would cost a file.
  private func checkFiles() throws {
    try CommandFiles.check { files in
      files.readData(data, as: "the data")
      files.read(exclude, as: "--exclude")
      files.read(names, as: "--names")
      for (path, option) in [(embeddings, "--embeddings")] + against.map({ ($0, "--against") }) {
        files.read(path, as: option)
        files.read(EmbeddingFile(path: path)?.namesPath(beside: path), as: option)
      }
      files.write(out, as: "--out")
      files.write(html, as: "--html")
    }
  }
}
