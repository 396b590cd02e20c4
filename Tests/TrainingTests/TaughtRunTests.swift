import CAllocations
import Checkpoints
import Collectives
import Configuration
import Datasets
import Distillation
import EmbeddingFiles
import Foundation
import Interchange
import Measuring
import Resumption
import RunSupport
import Scoring
import TestSupport
import Testing
import Threads
import Training

/// Runs with a teacher: `--teacher`.
@Suite final class TaughtRunTests {
  private let folder = SmallRun.temporaryFolder()

  init() throws { try Folders.make(folder) }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  /// A network of `embedding` numbers of the very photos, two steps old.
  private func network(_ name: String = "old", embedding: Int = 32, seed: UInt64 = 3) throws
    -> String
  {
    _ = try SmallRun.train(
      SmallRun.configuration {
        $0.length = .steps(2)
        $0.embedding = embedding
        $0.seed = seed
        // Synthetic faces are drawn by the seed too.
        $0.data = Self.data
      }, folder: "\(folder)/\(name)")
    return "\(folder)/\(name)"
  }

  private static let data = DataSource.synthetic(
    SyntheticData(people: 12, photos: 6, size: 32))

  /// What a network makes of the photos, in a file.
  private func stored(
    _ network: String, _ file: String, _ change: (inout EmbedRequest) -> Void = { _ in }
  ) throws -> String {
    var request = EmbedRequest(
      checkpoint: network, data: Self.data, out: "\(folder)/\(file)", quiet: true)
    change(&request)
    try request.run(over: SoloCommunicator())
    return "\(folder)/\(file)"
  }

  private static func taught(
    by teacher: String?, steps: Int = 6, _ change: (inout RunConfiguration) -> Void = { _ in }
  ) -> RunConfiguration {
    SmallRun.configuration {
      $0.length = .steps(steps)
      $0.schedule = .constant
      $0.seed = 3
      $0.teacher = teacher
      $0.teacherWeight = teacher == nil ? $0.teacherWeight : 16
      $0.augment.flip = 0.5
      change(&$0)
    }
  }

  private static func bits(_ outcome: SmallRun.Outcome) -> [StepBits] {
    outcome.records.map(StepBits.init)
  }

  private func complaint(_ change: (inout RunConfiguration) -> Void) -> String {
    do {
      var configuration = Self.taught(by: nil)
      change(&configuration)
      _ = try SmallRun.train(configuration)
      return "no complaint"
    } catch { return "\(error)" }
  }

  // MARK: Stored embeddings

  @Test(arguments: [32, 48])
  func aStoredTeacherKeepsTheLaws(embedding: Int) throws {
    let teacher = try stored(try network(embedding: embedding), "old.npy")
    let reference = try SmallRun.train(Self.taught(by: teacher))[0]
    let cosines = reference.records.map { $0.teacherCosine ?? .nan }
    #expect(cosines.allSatisfy { abs($0) <= 1 } && Set(cosines).count == 6, "\(cosines)")
    let without = try SmallRun.train(Self.taught(by: nil))[0]
    #expect(without.records[0].teacherCosine == nil && without.weights != reference.weights)
    for (ranks, threads) in [(1, 3), (2, 1), (3, 2), (8, 1)] {
      for head in [HeadPlacement.whole, .divided] {
        let world = try SmallRun.train(
          Self.taught(by: teacher) { $0.head = head }, ranks: ranks, threads: threads)
        for outcome in world {
          #expect(Self.bits(outcome) == Self.bits(reference), "\(ranks) x \(threads), \(head)")
          #expect(outcome.weights == reference.weights)
          #expect(outcome.records.map(\.teacherCosine) == reference.records.map(\.teacherCosine))
        }
      }
    }
    let run = folder + "/run"
    _ = try SmallRun.train(
      Self.taught(by: teacher, steps: 4) { $0.resume = .auto }, ranks: 2, folder: run)
    let resumed = try SmallRun.train(
      Self.taught(by: teacher) { $0.resume = .auto }, threads: 2, folder: run)[0]
    #expect(resumed.weights == reference.weights)
  }

  @Test func aWeightOfZeroIsTheRunWithoutATeacher() throws {
    let teacher = try stored(try network(), "old.npy")
    let without = try SmallRun.train(Self.taught(by: nil))[0]
    let watched = try SmallRun.train(Self.taught(by: teacher) { $0.teacherWeight = 0 })[0]
    #expect(Self.bits(watched) == Self.bits(without) && watched.weights == without.weights)
    #expect(watched.records.allSatisfy { $0.teacherCosine != nil })
    let other = try stored(try network("wide", embedding: 48), "wide.npy")
    let message = complaint {
      $0.teacher = other
      $0.teacherWeight = 0
    }
    #expect(message.contains("embeddings of 48 and of 32 numbers have none"), "\(message)")
  }

  /// In whatever form and order its rows stand, the run is the same.
  @Test func everyFormOfAFileTeachesTheSame() throws {
    let old = try network()
    let reference = try SmallRun.train(Self.taught(by: try stored(old, "old.npy")))[0]
    for file in ["old.npz", "old.csv"] {
      let outcome = try SmallRun.train(Self.taught(by: try stored(old, file)))[0]
      #expect(outcome.weights == reference.weights, "\(file)")
    }
    let (embeddings, names) = try EmbeddingFile.read(
      folder + "/old.npy", names: folder + "/old.txt", tell: { _ in })
    let order = names.indices.reversed().map { $0 }
    try NumPyFile.write(
      order.flatMap { embeddings.values[$0 * 32..<($0 + 1) * 32] }, shape: [72, 32],
      to: folder + "/turned.npy")
    try TextFile.write(
      order.map { "elsewhere/" + names[$0] + "\n" }.joined(), to: folder + "/turned.txt")
    let turned = try SmallRun.train(Self.taught(by: folder + "/turned.npy"))[0]
    #expect(turned.weights == reference.weights)
    // Rounded to bytes and to halves it is nearly so.
    let bytes = try stored(old, "bytes.npz") { $0.numbers = .int8 }
    let halves = try stored(old, "halves.npy") { $0.numbers = .float16 }
    for file in [bytes, halves] {
      let outcome = try SmallRun.train(Self.taught(by: file))[0]
      #expect(outcome.weights != reference.weights)
      let (one, other) = (outcome.records[0], reference.records[0])
      #expect(abs(one.teacherCosine! - other.teacherCosine!) < 0.01, "\(file)")
    }
  }

  /// A mirrored sample takes the row of the mirrored photo, where there is one.
  @Test func aMirroredPhotoTakesTheMirroredRow() throws {
    let old = try network()
    let pair = try stored(old, "pair.npy") { $0.writesMirrored = true }
    let (embeddings, names) = try EmbeddingFile.read(
      pair, names: folder + "/pair.txt", tell: { _ in })
    #expect(embeddings.count == 144 && names[72] == names[0] + "#mirrored")
    let plain = try stored(old, "plain.npy")
    let (plainRows, _) = try EmbeddingFile.read(
      plain, names: folder + "/plain.txt", tell: { _ in })
    #expect(Array(embeddings.values[..<(72 * 32)]) == plainRows.values)
    #expect(Array(embeddings.values[(72 * 32)...]) != plainRows.values)
    // The rows of mirrored photos alone, as if they were those of the photos.
    try NumPyFile.write(
      Array(embeddings.values[(72 * 32)...]), shape: [72, 32], to: folder + "/mirror.npy")
    try TextFile.write(
      names[..<72].map { $0 + "\n" }.joined(), to: folder + "/mirror.txt")
    func weights(_ teacher: String, flip: Double) throws -> UInt64 {
      try SmallRun.train(Self.taught(by: teacher, steps: 3) { $0.augment.flip = flip })[0].weights
    }
    let mirror = folder + "/mirror.npy"
    #expect(try weights(pair, flip: 1) == weights(mirror, flip: 1))
    #expect(try weights(pair, flip: 0) == weights(plain, flip: 0))
    #expect(try weights(pair, flip: 1) != weights(plain, flip: 1))
  }

  @Test func triplesAndATeacherAloneTrain() throws {
    let teacher = try stored(try network(), "old.npy")
    let alone = try SmallRun.train(
      Self.taught(by: teacher) {
        $0.loss = .teacher
        $0.margin = []
        $0.scale = 1
      })
    let records = alone[0].records
    #expect(records[5].loss < records[0].loss && records[0].accuracy.isNaN)
    for record in records {
      #expect(abs(record.loss - 16 * (1 - record.teacherCosine!)) < 1e-6)
    }
    func triplets(_ passes: Int) -> RunConfiguration {
      Self.taught(by: teacher) {
        $0.loss = .triplet
        $0.margin = [0.2]
        $0.scale = 1
        $0.passes = passes
      }
    }
    let two = try SmallRun.train(triplets(2))[0]
    let one = try SmallRun.train(triplets(1), ranks: 3)[0]
    #expect(one.weights == two.weights && one.records[0].teacherCosine != nil)
  }

  @Test func anotherTeacherIsRefusedByName() throws {
    let teacher = try stored(try network(), "old.npy")
    let other = try stored(try network("other", seed: 4), "other.npy")
    let run = folder + "/run"
    _ = try SmallRun.train(Self.taught(by: teacher, steps: 2), folder: run)
    func resume(_ teacher: String?) -> String {
      do {
        _ = try SmallRun.train(
          Self.taught(by: teacher, steps: 4) { $0.resume = .auto }, folder: run)
        return "no complaint"
      } catch { return "\(error)" }
    }
    let message = resume(other)
    #expect(message.contains("what \(other) says of the photos is not what"), "\(message)")
    let none = resume(nil)
    #expect(none.contains("teacher was"), "\(none)")
    // The same numbers elsewhere are the same teacher.
    let again = try stored(folder + "/old", "again.csv")
    #expect(resume(again) == "no complaint")
  }

  @Test func everyMalformedFileIsNamed() throws {
    let old = try network()
    let teacher = try stored(old, "old.npy")
    let (embeddings, names) = try EmbeddingFile.read(
      teacher, names: folder + "/old.txt", tell: { _ in })
    func file(_ name: String, _ change: (inout [Float], inout [String]) -> Void) throws -> String {
      var (values, called) = (embeddings.values, names)
      change(&values, &called)
      let path = "\(folder)/\(name).npy"
      try NumPyFile.write(values, shape: [values.count / 32, 32], to: path)
      try TextFile.write(called.map { $0 + "\n" }.joined(), to: "\(folder)/\(name).txt")
      return path
    }
    let cases: [(String, String)] = [
      (
        try file("short") {
          $0.removeLast(3 * 32)
          $1.removeLast(3)
        }, "3 of the 72 photos that train have no row in it, such as \(names[69])"
      ),
      (
        try file("others") { $1 = $1.map { "x" + $0 } },
        "72 of the 72 photos that train have no row in it, such as \(names[0]); its first name is "
          + "'x\(names[0])'"
      ),
      (try file("lines") { $1.removeLast() }, "71 names for 72 embeddings; it takes one for each"),
      (
        try file("twice") { $1[1] = $1[0] },
        "which row is that of \(names[0]) its names do not say: \(names[0]), \(names[0])"
      ),
      (
        try file("nan") { values, _ in
          values[5 * 32 + 3] = .nan
          for i in 7 * 32..<8 * 32 { values[i] = 0 }
        },
        "of the 72 photos that train 1 have rows that are no numbers and 1 rows of zeros, such as "
          + names[5]
      ),
      (
        try file("half") {
          $0 += $0[..<32]
          $1.append($1[0] + "#mirrored")
        }, "71 of the 72 photos that train have no row of their mirror image, such as \(names[1])"
      ),
      (folder + "/nothing.npy", "cannot read '\(folder)/nothing.npy'"),
    ]
    for (path, text) in cases {
      let message = complaint { $0.teacher = path }
      #expect(message.contains(text), "\(path): \(message)")
      #expect(!message.contains("\n") && message.contains(path))
    }
    try FileManager.default.removeItem(atPath: folder + "/old.txt")
    let message = complaint { $0.teacher = teacher }
    #expect(message.contains("there is no \(folder)/old.txt with one a line"), "\(message)")
    // As many as may be unreadable train by the loss alone.
    let few = folder + "/nan.npy"
    let outcome = try SmallRun.train(Self.taught(by: few) { $0.maxBad = 0.05 })[0]
    #expect(outcome.records.allSatisfy { ($0.teacherCosine ?? .nan).isFinite })
  }

  @Test(arguments: ["old.npy", "old.npz", "old.csv"])
  func storedRowsAreReadWithoutAllocations(file: String) throws {
    let path = try stored(try network(), file)
    let names = try EmbeddingFile.read(path, names: file == "old.npy" ? folder + "/old.txt" : nil) {
      _ in
    }.1
    let pool = WorkerPool(count: 2)
    defer { pool.end() }
    let teacher = try StoredTeacher(
      path: path, photos: PhotoList(names.map { Photo(path: $0, person: 0) }),
      training: Array(names.indices), badLimit: 0, pool: pool, tell: { _ in })
    #expect(teacher.isMapped == (file != "old.csv") && teacher.width == 32)
    let rows = [Int32(3), -1, 7]
    let targets = FencedFloats(unwritten: 3 * 32)
    let (memory, image) = (targets.pointer, UnsafePointer(targets.pointer))
    rows.withUnsafeBufferPointer { rows in
      teacher.teach(rows, images: image, on: 0, into: memory)
      callocations_watch()
      teacher.teach(rows, images: image, on: 0, into: memory)
      #expect(callocations_watched() == 0)
    }
    #expect(targets.values[32..<64].allSatisfy { $0 == 0 } && targets.values[0] != 0)
  }

  // MARK: A network

  @Test func aNetworkThatTeachesKeepsTheLaws() throws {
    let old = try network(embedding: 48)
    let reference = try SmallRun.train(Self.taught(by: old))[0]
    #expect(reference.records.allSatisfy { ($0.teacherCosine ?? .nan).isFinite })
    for (ranks, threads, head) in [
      (1, 2, HeadPlacement.whole), (3, 1, .whole), (2, 2, .divided), (8, 1, .divided),
    ] {
      for outcome in try SmallRun.train(
        Self.taught(by: old) { $0.head = head }, ranks: ranks, threads: threads)
      {
        #expect(Self.bits(outcome) == Self.bits(reference), "\(ranks) x \(threads)")
        #expect(outcome.weights == reference.weights)
      }
    }
    let run = folder + "/run"
    _ = try SmallRun.train(
      Self.taught(by: old, steps: 4) { $0.resume = .auto }, ranks: 2, folder: run)
    let resumed = try SmallRun.train(
      Self.taught(by: old) { $0.resume = .auto }, folder: run)[0]
    #expect(resumed.weights == reference.weights)
    let other = try network("other", embedding: 48, seed: 4)
    let last = try #require(SmallRun.checkpoints(in: run).last)
    #expect(throws: ResumeError.otherTeacher(path: last, teacher: other)) {
      try SmallRun.train(
        Self.taught(by: other, steps: 8) { $0.resume = .auto }, folder: run)
    }
  }

  /// On photos as they are it says what it has said of them before.
  @Test func aNetworkSaysWhatItHasSaidOfPhotosAsTheyAre() throws {
    let old = try network()
    let file = try stored(old, "old.npy")
    func cosine(_ teacher: String) throws -> Double {
      let outcome = try SmallRun.train(
        Self.taught(by: teacher, steps: 1) { $0.augment = .none })[0]
      return outcome.records[0].teacherCosine!
    }
    #expect(abs(try cosine(old) - cosine(file)) < 1e-6)
  }

  @Test func aNetworkOfOtherImagesIsRefusedByName() throws {
    let old = try network()
    let message = complaint {
      $0.teacher = old
      $0.imageSize = 48
      $0.normalize = .imagenet
    }
    #expect(
      message.contains("image-size was 32, is 48, normalize was half, is imagenet"), "\(message)")
  }

  @Test func theMemoryOfATeacherIsInThePlan() throws {
    let old = try network(embedding: 48)
    let file = try stored(old, "old.npz")
    func bytes(_ teacher: String?, threads: Int) throws -> (whole: Int, teacher: Int) {
      nonisolated(unsafe) var found = (whole: 0, teacher: 0)
      _ = try SmallRun.train(
        Self.taught(by: teacher, steps: 1), threads: threads,
        hook: { hooks, _ in
          hooks.onStart = { found = ($0.plan.neededBytes, $0.plan.teacherBytes) }
        })
      return found
    }
    let (none, two) = (try bytes(nil, threads: 2), try bytes(old, threads: 2))
    let (one, mapped) = (try bytes(old, threads: 1), try bytes(file, threads: 2))
    #expect(none.teacher == 0 && two.teacher > one.teacher && one.teacher > 100_000)
    #expect(two.whole >= none.whole + two.teacher)
    // Of a file that is mapped the places of the rows alone.
    #expect(mapped.teacher == 4 * 72)
  }
}
