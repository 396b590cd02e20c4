import Configuration
import Faults
import Foundation
import RunFolders
import RunSupport
import Testing
import TestSupport
import Training

/// A run folder belongs to the newest job that took it, whoever else still lives.
@Suite struct LawsOfOwnership {
  private static func files(_ folder: String) throws -> [String: Date] {
    var found: [String: Date] = [:]
    for path in try SmallRun.checkpoints(in: folder) {
      let attributes = try FileManager.default.attributesOfItem(atPath: path)
      found[(path as NSString).lastPathComponent] = attributes[.modificationDate] as? Date
    }
    return found
  }

  @Test func aJobThatLostItsFolderWritesNothingMore() throws {
    let folder = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let successor = JobIdentity(id: "17", restart: 1)
    let error = #expect(throws: RunFolderError.self) {
      try SmallRun.train(
        SmallRun.configuration {
          $0.checkpointEvery = .steps(2)
          $0.keep = 1
        }, folder: folder,
        hook: { hooks, _ in
          hooks.onStep = {
            guard $1.step == 5 else { return }
            // The write after step 4 goes on in the background.
            let path = folder + "/checkpoints/step-000000004.safetensors"
            for _ in 0..<1000 where !FileManager.default.fileExists(atPath: path) { usleep(10_000) }
            _ = try! RunOwnership(taking: folder, for: successor)
          }
        })
    }
    guard case .lost(_, let owner) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(owner.hasPrefix("job 17 (restart 1) on "))
    // The write after step 6 was refused, and the one before it was not pruned.
    #expect(try Self.files(folder).keys.sorted() == ["step-000000004.safetensors"])
    let names = try FileManager.default.contentsOfDirectory(atPath: folder + "/checkpoints")
    #expect(!names.contains { $0.hasSuffix(".tmp") })
  }

  @Test func everyClaimCountsOneHigher() throws {
    let folder = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try RunFolder(path: folder).create()
    let alone = JobIdentity(id: nil, restart: 0)
    let first = try RunOwnership(taking: folder, for: alone)
    try first.check()
    let second = try RunOwnership(taking: folder, for: alone)
    #expect((first.claim.generation, second.claim.generation) == (1, 2))
    try second.check()
    #expect(throws: RunFolderError.self) { try first.check() }
    #expect(RunOwnership.owner(of: folder) == second.claim)
  }

  @Test func anEarlierStartOfAJobDoesNotTakeTheFolderBack() throws {
    let folder = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try RunFolder(path: folder).create()
    let starts = (0...1).map { JobIdentity(id: "17", restart: $0) }
    let later = try RunOwnership(taking: folder, for: starts[1])
    #expect(throws: RunFolderError.self) { try RunOwnership(taking: folder, for: starts[0]) }
    try later.check()
    // Another job, or the same one by hand, may.
    for job in [JobIdentity(id: "3", restart: 0), JobIdentity(id: nil, restart: 0)] {
      let next = try RunOwnership(taking: folder, for: job)
      try next.check()
    }
    #expect(starts[0].isEarlierStart(of: starts[1]) && !starts[1].isEarlierStart(of: starts[0]))
  }

  @Test func aTornClaimIsNobodys() throws {
    let folder = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try RunFolder(path: folder).create()
    let job = JobIdentity(id: "5", restart: 2)
    let claim = try RunOwnership(taking: folder, for: job).claim
    #expect(RunOwnership.Claim(text: claim.text) == claim)
    #expect(RunOwnership.Claim(text: String(claim.text.prefix(30))) == nil)
    try Data().write(to: URL(fileURLWithPath: folder + "/" + RunOwnership.fileName))
    #expect(RunOwnership.owner(of: folder) == nil)
  }
}

@Suite struct InjectedFaultTests {
  @Test func faultsAreReadAndMistakesNamed() throws {
    let fault = try InjectedFault(argument: "slow:rank=2,step=7,seconds=1.5")
    #expect(fault.kind == .slow && fault.rank == 2 && fault.step == 7 && fault.seconds == 1.5)
    for wrong in ["", "slwo:rank=1,step=2", "kill", "kill:rank=1", "kill:rank=x,step=1"] {
      #expect(throws: ConfigurationError.self, "\(wrong)") { try InjectedFault(argument: wrong) }
    }
  }
}
