import Collectives
import Testing

@Suite struct LaunchEnvironmentTests {
  struct Case: CustomTestStringConvertible {
    let name: String
    let variables: [String: String]
    let launcher: LaunchEnvironment.Launcher
    let announcedSize: Int?
    let startsMPI: Bool
    var testDescription: String { name }

    init(
      _ name: String, _ variables: [String: String], _ launcher: LaunchEnvironment.Launcher,
      size: Int?, startsMPI: Bool
    ) {
      self.name = name
      self.variables = variables
      self.launcher = launcher
      announcedSize = size
      self.startsMPI = startsMPI
    }
  }

  static let cases: [Case] = [
    Case("a shell", ["SHELL": "/bin/sh"], .none, size: nil, startsMPI: false),
    Case(
      "mpirun of Open MPI 4", ["OMPI_COMM_WORLD_SIZE": "4", "PMIX_RANK": "1"], .openMPI, size: 4,
      startsMPI: true),
    Case(
      "mpirun inside an allocation, started by a step",
      ["OMPI_COMM_WORLD_SIZE": "8", "SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": "0"], .openMPI,
      size: 8, startsMPI: true),
    Case(
      "srun --mpi=pmix",
      ["PMIX_RANK": "3", "SLURM_PROCID": "3", "SLURM_STEP_NUM_TASKS": "4"], .pmix, size: 4,
      startsMPI: true),
    Case("prterun", ["PMIX_RANK": "0"], .pmix, size: nil, startsMPI: true),
    Case(
      "mpiexec of MPICH", ["PMI_RANK": "1", "PMI_SIZE": "6", "MPI_LOCALNRANKS": "3"], .pmi, size: 6,
      startsMPI: true),
    Case(
      "a hydra that tells local ranks only", ["MPI_LOCALRANKID": "0", "MPI_LOCALNRANKS": "3"], .pmi,
      size: 3, startsMPI: true),
    Case(
      "MVAPICH2", ["MV2_COMM_WORLD_RANK": "0", "MV2_COMM_WORLD_SIZE": "5"], .pmi, size: 5,
      startsMPI: true),
    Case(
      "srun without MPI",
      ["SLURM_PROCID": "2", "SLURM_NTASKS": "4", "SLURM_STEP_NUM_TASKS": "4"], .slurm, size: 4,
      startsMPI: false),
    Case(
      "a batch script itself", ["SLURM_PROCID": "0", "SLURM_NTASKS": "4"], .none, size: nil,
      startsMPI: false),
  ]

  @Test(arguments: cases)
  func launchersAreTold(example: Case) {
    let environment = LaunchEnvironment(variables: example.variables)
    #expect(environment.launcher == example.launcher)
    #expect(environment.announcedSize == example.announcedSize)
    #expect(environment.startsMPI == example.startsMPI)
  }

  @Test(arguments: cases)
  func onlyAWorldOfAnotherSizeIsAMistake(example: Case) throws {
    let environment = LaunchEnvironment(variables: example.variables)
    guard let size = example.announcedSize else {
      #expect(environment.mistake(worldSize: 1) == nil)
      return
    }
    #expect(environment.mistake(worldSize: size) == nil)
    let mistake = try #require(environment.mistake(worldSize: 1))
    #expect(mistake.contains("started \(size) processes") && mistake.contains("only itself"))
    #expect(mistake.contains("mpirun"))
  }
}

@Suite struct HostProcessorsTests {
  @Test func masksAreCounted() {
    let status = "Name:\tx\nCpus_allowed:\tff,ffff0003\nCpus_allowed_list:\t0-1\n"
    #expect(HostProcessors.allowedCount(status: status) == 8 + 16 + 2)
    #expect(HostProcessors.allowedCount(status: "Name:\tx\n") == nil)
    let here = HostProcessors.current
    #expect(here.allowedCount >= 1 && here.allowedCount <= 4096 && here.onlineCount >= 1)
  }

  @Test(arguments: [
    ("\t5", Set([0, 2])), ("\t1,00000003", Set([0, 1, 32])), ("", Set()),
    ("\tff,ffff0003", Set(Array(0...1) + Array(16...39))),
  ])
  func masksAreProcessors(mask: String, numbers: Set<Int>) {
    #expect(HostProcessors(onlineCount: 64, allowedCount: 1, mask: mask).allowed == numbers)
  }

  @Test func bindingAndCrowdingAreNamed() throws {
    let bound = HostProcessors(onlineCount: 16, allowedCount: 1)
    #expect(try #require(bound.warning(threads: 4, sharing: 2)).contains("--bind-to none"))
    #expect(bound.warning(threads: 1, sharing: 1) == nil)
    #expect(try #require(bound.warning(threads: 1, sharing: 2)).contains("share 1 processors"))
    let free = HostProcessors(onlineCount: 16, allowedCount: 16)
    for (launcher, remedy) in [
      (LaunchEnvironment.Launcher.openMPI, "PRTE_MCA_hwloc_default_binding_policy=none"),
      (.pmi, "I_MPI_PIN=0"), (.pmix, "--cpu-bind=none"),
    ] {
      let sentence = bound.warning(threads: 4, sharing: 2, under: launcher)
      #expect(try #require(sentence).contains(remedy))
      #expect(sentence?.contains("OMPI_MCA") == (launcher == .openMPI))
    }
    #expect(free.warning(threads: 8, sharing: 2) == nil)
    #expect(try #require(free.warning(threads: 8, sharing: 3)).contains("3 ranks x 8"))
  }
}
