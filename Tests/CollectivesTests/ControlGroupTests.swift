import Collectives
import Testing

/// What control groups leave of a host, from the texts of their files.
@Suite struct ControlGroupTests {
  private static let unified = "30 1 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n"
  private static let divided = """
    31 30 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
    32 30 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory

    """

  private func group(_ files: [String: String]) -> ControlGroup {
    ControlGroup(reading: { files[$0] })
  }

  @Test func aQuotaOfVersion2IsRead() {
    let group = group([
      "/proc/self/mountinfo": Self.unified, "/proc/self/cgroup": "0::/job/step\n",
      "/sys/fs/cgroup/job/step/cpu.max": "50000 100000\n",
      "/sys/fs/cgroup/job/cpu.max": "max 100000\n",
    ])
    #expect(group.processors == 0.5 && group.wholeProcessors == 1)
    #expect(group.freeBytes == nil && group.limitBytes == nil)
  }

  @Test func theStrictestOfTheGroupsAboveCounts() {
    let group = group([
      "/proc/self/mountinfo": Self.unified, "/proc/self/cgroup": "0::/pod/box\n",
      "/sys/fs/cgroup/pod/box/cpu.max": "800000 100000",
      "/sys/fs/cgroup/pod/cpu.max": "350000 100000",
      "/sys/fs/cgroup/pod/box/memory.max": "max", "/sys/fs/cgroup/pod/memory.max": "1000000",
      "/sys/fs/cgroup/pod/memory.current": "700000",
      "/sys/fs/cgroup/pod/memory.stat": "anon 1\ninactive_file 200000\nactive_file 100000\n",
    ])
    #expect(group.processors == 3.5 && group.wholeProcessors == 3)
    #expect(group.limitBytes == 1_000_000 && group.freeBytes == 600_000)
  }

  @Test func aQuotaOfVersion1IsRead() {
    let group = group([
      "/proc/self/mountinfo": Self.divided,
      "/proc/self/cgroup": "4:memory:/a\n3:cpu,cpuacct:/a\n0::/\n",
      "/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us": "150000\n",
      "/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us": "100000\n",
      "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
      "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
      "/sys/fs/cgroup/memory/a/memory.limit_in_bytes": "4096000\n",
      "/sys/fs/cgroup/memory/a/memory.usage_in_bytes": "96000\n",
      "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
    ])
    #expect(group.processors == 1.5)
    #expect(group.limitBytes == 4_096_000 && group.freeBytes == 4_000_000)
  }

  @Test func aContainerThatSeesItsOwnGroupAloneHasItsLimits() {
    // Docker without a namespace of groups: the mount begins where the container does.
    let inside = group([
      "/proc/self/mountinfo":
        "31 30 0:28 /docker/f00 /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n",
      "/proc/self/cgroup": "3:cpu:/docker/f00/sub\n",
      "/sys/fs/cgroup/cpu/sub/cpu.cfs_quota_us": "200000",
      "/sys/fs/cgroup/cpu/sub/cpu.cfs_period_us": "100000",
    ])
    #expect(inside.processors == 2)
    // With one, all is below the root.
    let named = group([
      "/proc/self/mountinfo": Self.unified, "/proc/self/cgroup": "0::/\n",
      "/sys/fs/cgroup/cpu.max": "25000 100000",
    ])
    #expect(named.processors == 0.25 && named.wholeProcessors == 1)
  }

  @Test func nothingIsNoLimit() {
    for files: [String: String] in [
      [:], ["/proc/self/mountinfo": "rubbish\n", "/proc/self/cgroup": "1:2\nx\n"],
      [
        "/proc/self/mountinfo": Self.unified, "/proc/self/cgroup": "0::/a\n",
        "/sys/fs/cgroup/a/cpu.max": "0 0", "/sys/fs/cgroup/a/memory.max": "?",
      ],
    ] {
      let group = group(files)
      #expect(group.processors == nil && group.freeBytes == nil && group.limitBytes == nil)
    }
  }
}

/// Ranks that a launcher has bound to fewer processors than there are.
@Suite struct RankBindingTests {
  private func rank(_ mask: String, of all: String, on host: String = "n1") -> RankBinding {
    RankBinding(host: host, mask: mask, launcherMask: all)
  }

  @Test func processorsThatNoRankMayUseAreNamed() {
    let one = RankBinding.warnings([rank("0001", of: "ffff")])
    #expect(one.count == 1)
    #expect(one[0].contains("the rank on n1 is bound to 1 of 16 processors"))
    #expect(one[0].contains("--bind-to none"))
    let two = RankBinding.warnings([
      rank("1", of: "ff"), rank("2", of: "ff"), rank("3", of: "3", on: "n2"),
    ])
    #expect(two.count == 1 && two[0].contains("the 2 ranks on n1 are bound to 2 of 8 processors"))
  }

  @Test func ranksThatUseAllAndLaunchersThatHaveNoMoreAreQuiet() {
    #expect(RankBinding.warnings([rank("3", of: "f"), rank("c", of: "f")]) == [])
    #expect(RankBinding.warnings([rank("ff", of: "ff")]) == [])
    // taskset, a batch system or nobody at all has bound the launcher itself.
    #expect(RankBinding.warnings([rank("1", of: "1")]) == [])
    #expect(RankBinding.warnings([rank("1", of: "")]) == [])
  }
}
