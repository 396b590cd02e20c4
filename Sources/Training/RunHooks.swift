internal import Collectives
package import Engine
internal import Faults
package import RunFolders
package import Sessions

/// Who stops a run and who looks on: given to it before it begins, and not changed afterwards.
package struct RunHooks {
  /// Asked whether the run is to end or to write a checkpoint, by the trainer and the heartbeat.
  package var stop: any StopRequests = StopSignals()
  /// Lent the trainer once, before its first step; what it throws ends the run.
  package var onStart: (Trainer) throws -> Void = { _ in }
  /// Called with what each step leaves behind, on every rank.
  package var onStep: (Trainer, StepRecord) -> Void = { _, _ in }
  /// Called with each event of a step, by any thread; nil where nobody listens.
  package var onEvent: (@Sendable (StepEvent) -> Void)?

  /// Signals stop the run, and nobody looks on.
  package init() {}
}

extension RunHooks {
  /// The hooks of a run whose `rank` does those of `faults` that are its own.
  init(_ faults: [InjectedFault], rank: Int) {
    let own = faults.filter { $0.rank == rank }
    onStep = { trainer, record in
      for fault in own where fault.step == record.step {
        fault.happen(trainer.session.communicator.progress)
      }
    }
  }
}
