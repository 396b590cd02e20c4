internal import Configuration
internal import Kernels
internal import Networks
internal import Scoring
internal import Sessions
internal import Threads

/// Times the network of a checkpoint that embeds every sample of a step: `--teacher CHECKPOINT`.
///
/// Stored embeddings are read where they lie, and are not timed.
struct TeacherProbe {
  private let teacher: LiveTeacher
  private let session: Session
  private let rows: Int
  private let imageCount: Int

  private static let rounds = 3

  /// The teacher of `configuration`; nil without one, or where its embeddings are stored. A
  /// collective; throws what is wrong with it.
  init?(_ configuration: RunConfiguration, in session: Session) throws {
    guard let path = configuration.teacher, LiveTeacher.isMeant(by: path) else { return nil }
    teacher = try LiveTeacher(path, for: configuration, in: session)
    self.session = session
    rows = min(configuration.microbatch, configuration.batch)
    imageCount = configuration.makeNetwork().image.shape.count
  }

  /// Seconds in which one thread embeds one image while all do, by the best of a few rounds behind
  /// one that warms.
  func seconds() -> Double {
    let images = (0..<session.threads).map { _ in AlignedMemory.Box(count: rows * imageCount) }
    let targets = (0..<session.threads).map { _ in AlignedMemory.Box(count: rows * teacher.width) }
    let chosen = [Int32](repeating: 0, count: rows)
    nonisolated(unsafe) let (lent, written) = (images, targets)
    var best = Double.infinity
    for round in 0...Self.rounds {
      let start = Clock.seconds
      session.pool.forEach(session.threads) { worker, _ in
        chosen.withUnsafeBufferPointer {
          teacher.teach(
            $0, images: lent[worker].pointer, on: worker, into: written[worker].pointer)
        }
      }
      if round > 0 { best = min(best, Clock.seconds - start) }
    }
    return best / Double(rows)
  }
}
