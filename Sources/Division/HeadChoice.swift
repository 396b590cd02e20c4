package import Assembly
internal import Collectives
package import Configuration
internal import Engine
internal import Losses
internal import Networks
internal import Scaling
package import Sessions

/// Whether the ranks of a run share its class weights out, and why.
package struct HeadChoice: Sendable, Equatable {
  /// Why the head is divided, or whole.
  package enum Reason: Sendable, Equatable {
    /// The configuration says it, or there is no choice.
    case asked
    /// A step of a usual cluster takes so many seconds with either.
    case model(divided: Double, whole: Double)
    /// A host could not hold what its ranks need with a whole head.
    case memory(wholeBytes: Int)
  }

  /// Whether each rank has the weights of some classes.
  package let isDivided: Bool
  /// What has decided it.
  package let reason: Reason

  /// What `configuration` says, or else the model of a usual cluster for `factory` on `ranks` ranks
  /// of `threads` threads: a function of them, whatever the machine.
  package init(
    _ configuration: RunConfiguration, _ factory: ModelFactory, ranks: Int, threads: Int
  ) {
    guard let head = factory.objective.head, configuration.dividesHead == nil, ranks > 1 else {
      (isDivided, reason) = (configuration.dividesHead ?? false, .asked)
      return
    }
    let usual = Self.usual(configuration, factory.network, head)
    let load = ScalingModel.Load(
      ranks: ranks, threads: threads, imagesPerRank: (configuration.batch + ranks - 1) / ranks,
      microbatch: configuration.microbatch, sharedBatch: configuration.batch)
    let design = ScalingModel.Design(
      configuration.reduction, isSharded: configuration.shardsOptimizer)
    let seconds = [true, false].map {
      usual.with(dividedHead: $0).predict(load, design).step
    }
    isDivided = seconds[0] < seconds[1]
    reason = .model(divided: seconds[0], whole: seconds[1])
  }

  private static func usual(
    _ configuration: RunConfiguration, _ network: Network, _ head: any LossHead
  ) -> ScalingModel {
    ScalingModel.usual(
      parameterCount: network.parameterCount, multiplyAdds: network.multiplyAdds,
      classes: head.classes, centres: head.rowCount / head.classes, width: head.dimension,
      microbatch: min(configuration.microbatch, configuration.batch),
      share: configuration.sampleClasses, passes: configuration.passes)
  }

  private init(_ isDivided: Bool, _ reason: Reason) {
    (self.isDivided, self.reason) = (isDivided, reason)
  }

  /// What all ranks of `session` do about the class weights of `configuration` for `classes`
  /// people: also divided where a host has not the memory for whole ones. A collective where it is
  /// left open.
  package static func agree(
    _ configuration: RunConfiguration, classes: Int, session: Session
  ) throws -> HeadChoice {
    let communicator = session.communicator
    let factory = ModelFactory(configuration, classCount: classes)
    guard factory.objective.head != nil, configuration.dividesHead == nil, communicator.size > 1
    else { return HeadChoice(configuration, factory, ranks: communicator.size, threads: 1) }
    // The fewest of any rank, as all must choose alike.
    let limit = 1 << 30
    let threads = limit - (try communicator.agreeOnMaximum(limit - session.threads))
    let memory = factory.memory(
      configuration, rank: communicator.rank, ranks: communicator.size, threads: session.threads)
    let bytes = memory.rankBytes + session.threads * memory.workerBytes
    guard try MemoryCheck.isHeld(neededBytes: bytes, in: session) else {
      return HeadChoice(true, .memory(wholeBytes: bytes))
    }
    return HeadChoice(configuration, factory, ranks: communicator.size, threads: threads)
  }

  /// What was chosen and why, in a sentence; nil where there was no choice.
  package var sentence: String? {
    switch reason {
    case .asked: nil
    case .model(let divided, let whole):
      "head: \(isDivided ? "divided" : "whole"), as a step of a usual cluster is reckoned at "
        + "\(Console.fixed(divided, 3)) s with a divided one and \(Console.fixed(whole, 3)) s with a "
        + "whole one; the weights are the same"
    case .memory(let bytes):
      "head: divided, as a rank needs \(bytes >> 20) MiB with a whole one, which its host has not; "
        + "the weights are the same"
    }
  }
}

extension HeadChoice {
  /// What is to be told of the class weights of `configuration` for `factory` on the ranks of
  /// `session`: which way was chosen and why, and in a dry run what a rank sends and needs with
  /// either; nothing on one rank.
  package func lines(
    _ configuration: RunConfiguration, _ factory: ModelFactory, in session: Session
  ) -> [String] {
    let (rank, ranks) = (session.communicator.rank, session.communicator.size)
    guard let own = factory.objective.head, ranks > 1 else { return [] }
    let lines = sentence.map { [$0] } ?? []
    guard configuration.dryRun else { return lines }
    let usual = Self.usual(configuration, factory.network, own)
    let design = ScalingModel.Design(
      configuration.reduction, isSharded: configuration.shardsOptimizer)
    let ways = configuration.sampleClasses < 1 ? [true] : [true, false]
    return lines
      + ways.map { isDivided in
        var other = factory
        other.divideHead(isDivided, configuration)
        let memory = other.memory(
          configuration, rank: rank, ranks: ranks, threads: session.threads)
        let sent = usual.with(dividedHead: isDivided).head?.sentBytes(
          ranks: ranks, batch: configuration.batch, there: design.bytes.there,
          back: design.isSharded ? 4 : design.bytes.back)
        return "a \(isDivided ? "divided" : "whole") head: a rank sends "
          + "\(Console.fixed(1e-6 * (sent ?? 0), 1)) MB of it in a step, and needs "
          + "\(memory.rankBytes >> 20) MiB + \(memory.workerBytes >> 20) MiB a thread in all"
      }
  }
}
