package import Collectives

/// What a rank may use of its host's processors, beside the ranks that may use the same ones.
package struct ProcessorShare {
  /// The processors of the host, and those that this rank may use.
  package let processors: HostProcessors
  /// What its control group leaves of them.
  package let group: ControlGroup
  /// Ranks that may use the same processors as this one, itself included.
  package let sharing: Int
  /// Ranks that have one control group with it, itself included.
  package let sharingGroup: Int
  /// Where every rank may compute.
  package let bindings: [RankBinding]

  package init(
    processors: HostProcessors, group: ControlGroup, sharing: Int, sharingGroup: Int,
    bindings: [RankBinding] = []
  ) {
    self.processors = processors
    self.group = group
    self.sharing = sharing
    self.sharingGroup = sharingGroup
    self.bindings = bindings
  }

  /// That of this rank; a collective.
  package init(over communicator: any Communicator) throws {
    let processors = HostProcessors.current
    let group = ControlGroup.current
    let own = [
      communicator.hostName, processors.mask, group.name, RankBinding.currentLauncherMask,
    ]
    let all = try communicator.allGather(value: own)
    self.init(
      processors: processors, group: group, sharing: all.count { $0[..<2] == own[..<2] },
      sharingGroup: all.count { $0[0] == own[0] && $0[2] == own[2] },
      bindings: all.map { RankBinding(host: $0[0], mask: $0[1], launcherMask: $0[3]) })
  }

  /// This rank's whole processors of its control group's time; nil where that has no limit.
  package var wholeProcessors: Int? {
    group.processors.map { max(1, Int($0 / Double(max(1, sharingGroup)))) }
  }

  /// Threads to compute with: the processors that this rank may use, divided by the ranks of its
  /// host that may use the same ones, as bound ranks have their own and unbound ones share; and no
  /// more than a control group gives time to, or they would all be held up in turn.
  package var threads: Int {
    min(max(1, processors.allowedCount / max(1, sharing)), wholeProcessors ?? .max)
  }

  /// A sentence where `threads` on each of the ranks are more than there are processors, or time;
  /// nil where they are not.
  package func warning(threads: Int) -> String? {
    if let sentence = processors.warning(threads: threads, sharing: sharing) { return sentence }
    guard let time = group.processors, Double(threads * sharingGroup) > max(1, time.rounded(.up))
    else { return nil }
    return "\(sharingGroup) rank\(sharingGroup == 1 ? "" : "s") x \(threads) compute threads share "
      + "the time of \(Console.fixed(time, 2)) processors that their control group (container) has: "
      + "all are held up in turn; use fewer ranks or threads, or raise the limit"
  }
}
