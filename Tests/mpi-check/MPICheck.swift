import Collectives
import Glibc
import MPICollectives

/// Checks that need real ranks. Run by scripts/test-mpi under `mpirun`; ends with
/// `N passed, N failed` from rank 0 and a status other than 0 where anything failed.
@main
enum MPICheck {
  /// A suite is a name and its checks; a further suite is a further line.
  static let suites: [(name: String, checks: [Check])] = [
    ("collectives", collectiveChecks), ("laws", lawChecks), ("training", trainingChecks),
  ]

  static let usage = """
    usage: mpi-check [--ranks N] [--benchmark | FAULT RANK]
      --ranks N    fail unless there are N ranks
      --benchmark  print times instead of checking
      FAULT        one of \(Fault.allCases.map(\.rawValue).joined(separator: " "))
    """

  struct Options {
    var rankCount: Int?
    var isBenchmark = false
    var fault: (kind: Fault, rank: Int)?
  }

  static func main() {
    guard let options = parse(Array(CommandLine.arguments.dropFirst())) else {
      printError(usage)
      exit(64)
    }
    exit(MPIWorld.run { try run(options, on: $0) })
  }

  static func run(_ options: Options, on communicator: any Communicator) throws -> Int32 {
    let environment = LaunchEnvironment.current
    let mistake = environment.mistake(worldSize: communicator.size)
    if let mistake {
      printError("mpi-check: \(mistake)")
      return 2
    }
    if communicator.rank == 0 {
      let library = environment.startsMPI ? MPIWorld.libraryVersion : "no MPI"
      print("\(communicator.size) ranks, launcher: \(environment.launcher.rawValue), \(library)")
    }
    if let expected = options.rankCount, expected != communicator.size {
      printError("mpi-check: \(communicator.size) ranks instead of \(expected)")
      return 1
    }
    if options.isBenchmark {
      try benchmark(communicator)
      return 0
    }
    if let fault = options.fault {
      try provoke(fault.kind, on: fault.rank, in: communicator)
      return 0
    }
    var runner = CheckRunner(on: communicator)
    for suite in suites { try runner.run(suite.name, suite.checks) }
    if communicator.rank == 0 {
      print("\(runner.passedCount) passed, \(runner.failedCount) failed")
    }
    return runner.failedCount == 0 ? 0 : 1
  }

  static func parse(_ arguments: [String]) -> Options? {
    var options = Options()
    var rest = arguments[...]
    while let name = rest.popFirst() {
      if name == "--benchmark" {
        options.isBenchmark = true
        continue
      }
      guard let number = rest.popFirst().flatMap({ Int($0) }) else { return nil }
      if name == "--ranks" {
        options.rankCount = number
      } else if let fault = Fault(rawValue: name) {
        options.fault = (fault, number)
      } else {
        return nil
      }
    }
    return options
  }

  /// Medians of the agreement's latency and of the sum's bandwidth.
  static func benchmark(_ communicator: any Communicator) throws {
    func median(of count: Int, _ body: () throws -> Void) throws -> Double {
      var times: [Int] = []
      for _ in 0..<count {
        try communicator.barrier()
        let start = monotonicMicroseconds()
        try body()
        times.append(monotonicMicroseconds() - start)
      }
      return Double(times.sorted()[count / 2])
    }
    let callCount = 200
    let calls = try median(of: 7) {
      for word in 0..<callCount { _ = try communicator.agreeOnMaximum(word) }
    }
    let bytes = 46_000_000
    var values = [Double](repeating: 0, count: bytes / 8)
    let sum = try median(of: 7) {
      try values.withUnsafeMutableBufferPointer { try communicator.allReduceSum($0) }
    }
    guard communicator.rank == 0 else { return }
    print("agreeOnMaximum: \(calls / Double(callCount)) us")
    print("allReduceSum of 46 MB: \(sum / 1000) ms, \(Double(bytes) / sum / 1000) GB/s")
  }
}

func printError(_ line: String) {
  fflush(nil)
  let bytes = Array((line + "\n").utf8)
  _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
}
