import Collectives
import Sessions
import Testing

/// What a rank takes of a host that is limited, and what it says.
@Suite struct ProcessLimitsTests {
  private func share(
    processors: Double?, allowed: Int = 16, sharing: Int = 1, sharingGroup: Int = 1
  ) -> ProcessorShare {
    ProcessorShare(
      processors: HostProcessors(onlineCount: 16, allowedCount: allowed),
      group: ControlGroup(processors: processors), sharing: sharing, sharingGroup: sharingGroup)
  }

  @Test func threadsAreNoMoreThanAControlGroupGivesTimeTo() {
    #expect(share(processors: nil).threads == 16)
    #expect(share(processors: 0.5).threads == 1)
    #expect(share(processors: 3.9).threads == 3)
    #expect(share(processors: 64).threads == 16)
    #expect(share(processors: 8, sharing: 4, sharingGroup: 4).threads == 2)
    #expect(share(processors: 8, sharing: 2, sharingGroup: 1).threads == 8)
  }

  @Test func moreThreadsThanTimeAreNamed() {
    #expect(share(processors: 0.5).warning(threads: 1) == nil)
    #expect(share(processors: 2).warning(threads: 2) == nil)
    let sentence = share(processors: 0.5).warning(threads: 4)
    #expect(sentence?.contains("1 rank x 4 compute threads share the time of 0.50") == true)
    #expect(share(processors: 4, sharing: 3, sharingGroup: 3).warning(threads: 2) != nil)
  }

  private static let meminfo = """
    MemTotal:        8000 kB
    MemFree:          100 kB
    MemAvailable:    3000 kB
    SwapTotal:       1000 kB
    SwapFree:         500 kB

    """

  @Test func freeMemoryIsTheLeastOfHostGroupAndLimit() {
    func memory(
      group: ControlGroup = ControlGroup(processors: nil), limit: Int? = nil
    ) -> HostMemory {
      HostMemory(
        meminfo: Self.meminfo, group: group, addressSpace: limit, addressesInUse: 1000)
    }
    #expect(memory() == HostMemory(freeBytes: 3500 << 10, totalBytes: 9000 << 10))
    let box = ControlGroup(processors: nil, freeBytes: 5000, limitBytes: 90_000)
    #expect(memory(group: box) == HostMemory(freeBytes: 5000, totalBytes: 90_000))
    #expect(memory(limit: 3000) == HostMemory(freeBytes: 2000, totalBytes: 3000))
    #expect(memory(limit: 10).freeBytes == 0)
    let own = HostMemory.current
    #expect(own.freeBytes > 1 << 20 && own.freeBytes <= own.totalBytes)
  }

  @Test func aProgressLineIsCutToTheTerminal() {
    #expect(Terminal.cut("epoch 1  step 2", columns: nil) == "epoch 1  step 2")
    #expect(Terminal.cut("abcdef", columns: 7) == "abcdef")
    #expect(Terminal.cut("abcdef", columns: 6) == "abcde")
    #expect(Terminal.cut("äöüäöü", columns: 4) == "äöü")
    #expect(Terminal.cut("abc", columns: 1) == "a")
  }
}
