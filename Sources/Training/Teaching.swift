internal import Checkpoints
internal import Collectives
internal import Configuration
internal import Datasets
internal import Determinism
internal import Distillation
private import Foundation
internal import Inputs
internal import Interchange
internal import Losses
internal import Networks
internal import Scoring
internal import Sessions

/// The teacher of a run: `--teacher`.
enum Teaching {
  /// Opens what `configuration` names for the photos of `data`, the same on all ranks; nil without
  /// a teacher. A collective; throws what is wrong with it.
  static func open(
    _ configuration: RunConfiguration, _ data: TrainingData, in session: Session, work: LongWork
  ) throws -> (any Teacher)? {
    guard let path = configuration.teacher else { return nil }
    let teacher = try teacher(path, configuration, data, session, work)
    let own = configuration.makeNetwork().embeddingCount
    guard teacher.width == own || configuration.teacherWeight > 0 else {
      throw TeacherError.otherWidth(path: path, teacher: teacher.width, own: own)
    }
    session.console.say(
      "teacher: \(path): \(describe(teacher)), receipt \(Hash64.text(teacher.hash)); weight "
        + (ConfigurationOption.of(\.teacherWeight).text(configuration) ?? "")
        + (teacher.width == own || configuration.teacherWeight == 0
          ? "" : ", through a map from \(own) numbers that is trained with the rest"))
    return teacher
  }

  private static func teacher(
    _ path: String, _ configuration: RunConfiguration, _ data: TrainingData, _ session: Session,
    _ work: LongWork
  ) throws -> any Teacher {
    if LiveTeacher.isMeant(by: path) {
      return try LiveTeacher(path, for: configuration, in: session)
    }
    let teacher = try work.run("reading the teacher's embeddings") { _ in
      try StoredTeacher(
        path: path, photos: data.index.photos, training: data.divided.training,
        badLimit: configuration.maxBad, pool: session.pool,
        tell: { session.console.warn("--teacher: \($0)") })
    }
    let communicator = session.communicator
    let all = try communicator.allGather(
      value: [communicator.hostName, Hash64.text(teacher.hash)])
    guard Set(all.map { $0[1] }).count == 1 else {
      throw TeacherError.ranksDiffer(path: path, groups: WorldCheck.groups(all, by: 1))
    }
    return teacher
  }

  private static func describe(_ teacher: any Teacher) -> String {
    guard let stored = teacher as? StoredTeacher else {
      return "a network that embeds every sample of a step, \(teacher.width) numbers"
    }
    return "stored embeddings of \(stored.width) numbers, "
      + (stored.isMapped ? "read where they lie" : "held in memory")
      + (stored.hasMirrored ? ", mirrored photos by rows of their own" : "")
  }
}
