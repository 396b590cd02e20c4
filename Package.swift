// swift-tools-version: 6.1
import Foundation
import PackageDescription

/// The instruction set of the kernels: AVX2 and FMA by default; `DDP_TRAIN_MARCH=native` or
/// `x86-64-v4` selects another at build time. On other architectures the compiler's own default.
let march = Context.environment["DDP_TRAIN_MARCH"] ?? "x86-64-v3"

#if arch(x86_64)
  let instructionSet = ["-Xcc", "-march=\(march)"]
#else
  let instructionSet: [String] = []
#endif

let house: [SwiftSetting] = [
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

/// For what computes nothing: optimising it would be a twelfth of a build, and its tests a third. A
/// job of their own that only writes the module's interface would type-check them once more.
let unoptimized: SwiftSetting = .unsafeFlags(
  ["-Onone", "-no-emit-module-separately-wmo"], .when(configuration: .release))

/// What reads options and writes pages.
let plainSettings = house + [unoptimized]

/// Kernels are optimised in debug builds too (a debug build of them is 100 times slower), as one
/// module.
let kernelSettings: [SwiftSetting] =
  house + [
    .unsafeFlags(["-O", "-wmo", "-num-threads", "1"], .when(configuration: .debug)),
    .unsafeFlags(instructionSet + ["-enforce-exclusivity=unchecked"]),
  ]

/// A product for AVX-512 beside the one for AVX2; the processor decides between them at run time.
#if arch(x86_64)
  let wideSettings: [SwiftSetting] =
    house + [
      .unsafeFlags(["-O", "-wmo", "-num-threads", "1"], .when(configuration: .debug)),
      .unsafeFlags(["-Xcc", "-march=x86-64-v4", "-enforce-exclusivity=unchecked"]),
    ]
#else
  let wideSettings = kernelSettings
#endif

/// The products of bfloat16 pairs in AVX-512 likewise.
#if arch(x86_64)
  let pairSettings: [SwiftSetting] =
    house + [
      .unsafeFlags(["-O", "-wmo", "-num-threads", "1"], .when(configuration: .debug)),
      .unsafeFlags(["-Xcc", "-march=cooperlake", "-enforce-exclusivity=unchecked"]),
    ]
#else
  let pairSettings = kernelSettings
#endif

/// What a program needs to be compiled and linked against an MPI.
struct MPIFlags {
  var compiler: [String] = []
  var linker: [String] = []

  /// Those that `wrapper -show` prints: Open MPI's, MPICH's, Intel's and Cray's wrappers know it.
  init(wrapper: URL) {
    let process = Process()
    let output = Pipe()
    process.executableURL = wrapper
    process.arguments = ["-show"]
    process.standardOutput = output
    guard (try? process.run()) != nil else { return }
    let line = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    let folder = wrapper.deletingLastPathComponent().deletingLastPathComponent().path
    let words = line.replacing("I_MPI_SUBSTITUTE_INSTALLDIR", with: folder).replacing(
      "\"", with: ""
    )
    .replacing("-Xlinker ", with: "-Wl,").split(whereSeparator: \.isWhitespace).map(String.init)
    compiler = words.filter { $0.hasPrefix("-I") || $0.hasPrefix("-D") }
    let folders = words.filter { $0.hasPrefix("-L") }.map { String($0.dropFirst(2)) }
    // What Intel's wrapper adds for Fortran would keep the program from other libraries of its ABI.
    for library in words where library.hasPrefix("-l") && library != "-lmpifort" {
      let file = Self.file(of: String(library.dropFirst(2)), in: folders)
      linker += file.map { ["-Xlinker", $0] } ?? [library]
    }
    linker += folders.map { "-L" + $0 }
    let toLinker = words.filter { $0.hasPrefix("-Wl,") }.flatMap {
      $0.dropFirst(4).split(separator: ",")
    }
    for (flag, path) in zip(toLinker, toLinker.dropFirst()) where flag == "-rpath" {
      linker += ["-Xlinker", "-rpath", "-Xlinker", String(path)]
    }
  }

  /// The shared library NAME in the first of the folders that has one. By its name alone the linker
  /// might find that of another MPI: folders of other libraries, as /usr/lib, are searched before.
  private static func file(of name: String, in folders: [String]) -> String? {
    let files = FileManager.default
    guard let folder = folders.first(where: { files.fileExists(atPath: "\($0)/lib\(name).so") })
    else { return nil }
    let file = "\(folder)/lib\(name).so"
    let start = FileHandle(forReadingAtPath: file)?.readData(ofLength: 4)
    if start == Data([0x7F, 0x45, 0x4C, 0x46]) { return file }
    // A linker script, as MPICH's of PyPI, that names the library of the ABI beside it.
    let names = (try? files.contentsOfDirectory(atPath: folder)) ?? []
    return names.filter { $0.hasPrefix("lib\(name).so.") }.min().map { "\(folder)/\($0)" }
  }

  /// Those of the MPI that `DDP_TRAIN_MPI` names by its `mpicc` or the folder it is installed in,
  /// else of the first `mpicc` on the PATH.
  static let chosen: MPIFlags = {
    let files = FileManager.default
    let path = Context.environment["PATH"] ?? ""
    let candidates =
      Context.environment["DDP_TRAIN_MPI"].map { [$0 + "/bin/mpicc", $0] }
      ?? path.split(separator: ":").map { $0 + "/mpicc" }
    var isFolder: ObjCBool = false
    let wrapper = candidates.first {
      files.fileExists(atPath: $0, isDirectory: &isFolder) && !isFolder.boolValue
    }
    return MPIFlags(wrapper: URL(fileURLWithPath: wrapper ?? "/usr/bin/mpicc"))
  }()
}

let mpiCompilerSettings: [CSetting] = [.unsafeFlags(MPIFlags.chosen.compiler)]

/// What tests of whole runs, and of the tools beside them, take: nearly every room.
let everyRoom: [Target.Dependency] = [
  "Assembly", "CAllocations", "CPhotoWriters", "Cards", "CheckpointParts", "Checkpoints",
  "Cleaning", "Collectives", "Comparison", "Configuration", "DataTools", "Datasets", "Detection",
  "Determinism", "Distillation", "Division", "EmbeddingFiles", "Engine", "Evaluation", "Faults",
  "Inputs", "Interchange", "Interop", "Kernels", "Losses", "Measuring", "Networks", "Optimizers",
  "Pace", "Planning", "Preflight", "Protocols", "RawPhotos", "Reports", "Resumption",
  "RunFolders", "RunSupport", "Scaling", "Scoring", "Sessions", "State", "Sweeps", "Tasks",
  "Templates", "TestSupport", "Threads", "Timing", "Training",
]

let package = Package(
  name: "ddp-train",
  platforms: [.macOS(.v15)],
  products: [.executable(name: "ddp-train", targets: ["ddp-train"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
  ],
  targets: [
    .target(
      name: "CMPI", cSettings: mpiCompilerSettings,
      linkerSettings: [.unsafeFlags(MPIFlags.chosen.linker)]),
    .systemLibrary(name: "CBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
    .systemLibrary(name: "CBF16"),
    .systemLibrary(name: "CProcessor"),
    .systemLibrary(name: "CWebP", pkgConfig: "libwebp", providers: [.apt(["libwebp-dev"])]),
    .target(name: "CJPEG", linkerSettings: [.linkedLibrary("jpeg")]),
    .target(name: "CPNG", linkerSettings: [.linkedLibrary("png")]),

    .target(name: "Preconditions", swiftSettings: house),
    .target(name: "Determinism", dependencies: ["Preconditions"], swiftSettings: house),
    .target(
      name: "KernelsAVX512", dependencies: ["CProcessor"], swiftSettings: wideSettings),
    .target(
      name: "KernelsBF16", dependencies: ["CBF16", "CProcessor"], swiftSettings: pairSettings),
    .target(name: "KernelsPairs", dependencies: ["CProcessor"], swiftSettings: kernelSettings),
    .target(
      name: "Kernels",
      dependencies: [
        "CBLAS", "CProcessor", "KernelsAVX512", "KernelsBF16", "KernelsPairs", "Preconditions",
      ],
      swiftSettings: kernelSettings),
    .target(
      name: "Networks", dependencies: ["Kernels", "Determinism", "Preconditions"],
      swiftSettings: house),
    .target(
      name: "Losses", dependencies: ["Kernels", "Determinism", "Preconditions"],
      swiftSettings: house),
    .target(
      name: "Optimizers", dependencies: ["Determinism", "Kernels", "Preconditions"],
      swiftSettings: house),
    .target(
      name: "Collectives", dependencies: ["Kernels", "Preconditions", "Threads"],
      swiftSettings: house),
    .target(
      name: "MPICollectives", dependencies: ["Collectives", "CMPI", "Preconditions", "Threads"],
      swiftSettings: house),
    .target(
      name: "Datasets",
      dependencies: [
        "CJPEG", "CPNG", "CWebP", "Determinism", "Interchange", "Preconditions", "Threads",
      ],
      swiftSettings: house),
    .target(
      name: "Evaluation", dependencies: ["Determinism", "Interchange", "Kernels", "Preconditions"],
      swiftSettings: house),
    .target(
      name: "Interchange", dependencies: ["Determinism", "Preconditions"], swiftSettings: house),
    .target(
      name: "Threads",
      dependencies: ["Preconditions"],
      swiftSettings: house),
    .target(
      name: "Timing",
      dependencies: ["Collectives", "Interchange", "Threads"],
      swiftSettings: house),
    .target(
      name: "Faults", dependencies: ["Collectives", "Configuration", "Threads"],
      swiftSettings: plainSettings),
    .target(name: "Pace", dependencies: ["Timing"], swiftSettings: plainSettings),
    .target(
      name: "State",
      dependencies: ["Kernels", "Losses", "Networks", "Preconditions", "Threads"],
      swiftSettings: house),
    .target(
      name: "Engine",
      dependencies: [
        "Collectives", "Determinism", "Kernels", "Losses", "Networks", "Optimizers",
        "Preconditions", "State", "Threads", "Timing",
      ],
      swiftSettings: house),
    .target(
      name: "Configuration",
      dependencies: [
        "Collectives", "Datasets", "Interchange", "Kernels", "Losses", "Networks", "Preconditions",
        "Yams",
      ],
      swiftSettings: plainSettings),
    .target(
      name: "Assembly",
      dependencies: [
        "Collectives", "Configuration", "Datasets", "Determinism", "Engine", "Kernels", "Losses",
        "Networks", "Optimizers", "State",
      ],
      swiftSettings: house),
    .target(
      name: "CheckpointParts",
      dependencies: [
        "Collectives", "Datasets", "Determinism", "Evaluation", "Interchange", "Losses", "Networks",
        "State", "Threads",
      ],
      swiftSettings: house),
    .target(
      name: "Checkpoints",
      dependencies: [
        "CheckpointParts", "Collectives", "Configuration", "Datasets", "Determinism", "Interchange",
        "Losses", "Networks", "State", "Threads",
      ],
      swiftSettings: house),
    .target(
      name: "Sessions",
      dependencies: ["Collectives", "Determinism", "Kernels", "Preconditions", "Threads"],
      swiftSettings: house),
    .target(
      name: "RunFolders",
      dependencies: [
        "Collectives", "Datasets", "Determinism", "Evaluation", "Interchange",
        "Losses", "Networks", "Sessions", "Threads", "Timing",
      ],
      swiftSettings: house),
    .target(
      name: "Reports",
      dependencies: ["Datasets", "Evaluation", "Interchange", "Timing"],
      swiftSettings: plainSettings),
    .target(
      name: "Inputs",
      dependencies: [
        "Collectives", "Configuration", "Datasets", "Determinism", "Evaluation", "Interchange",
        "Sessions", "Threads",
      ],
      swiftSettings: house),
    .target(
      name: "Scoring",
      dependencies: [
        "Checkpoints", "Collectives", "Configuration", "Datasets", "Determinism", "Evaluation",
        "Inputs", "Interchange", "Kernels", "Losses", "Networks", "Preconditions", "Sessions",
        "State", "Threads",
      ],
      swiftSettings: house),
    .target(
      name: "EmbeddingFiles", dependencies: ["Evaluation", "Interchange", "Preconditions"],
      swiftSettings: house),
    .target(
      name: "Distillation",
      dependencies: [
        "Datasets", "Determinism", "EmbeddingFiles", "Interchange", "Losses", "Threads",
      ],
      swiftSettings: house),
    .target(
      name: "Measuring",
      dependencies: [
        "CheckpointParts", "Checkpoints", "Collectives", "Configuration", "Datasets", "Determinism",
        "EmbeddingFiles", "Evaluation", "Inputs", "Interchange", "Kernels", "Networks",
        "RawPhotos", "Reports", "Scoring", "Sessions", "Threads",
      ],
      swiftSettings: house),
    .target(
      name: "Scaling", dependencies: ["Collectives", "Losses", "Optimizers"],
      swiftSettings: house),
    .target(
      name: "Division",
      dependencies: [
        "Assembly", "Collectives", "Configuration", "Engine", "Losses", "Networks", "Scaling",
        "Sessions",
      ],
      swiftSettings: plainSettings),
    .target(
      name: "Planning",
      dependencies: [
        "Assembly", "Collectives", "Configuration", "Datasets", "Determinism", "Engine",
        "Evaluation", "Inputs", "Losses", "Networks", "Optimizers", "Sessions", "State", "Threads",
      ],
      swiftSettings: plainSettings),
    .target(
      name: "Resumption",
      dependencies: [
        "CheckpointParts", "Checkpoints", "Collectives", "Configuration", "Datasets", "Networks",
        "RunFolders", "Sessions",
      ],
      swiftSettings: plainSettings),
    .target(
      name: "Training",
      dependencies: [
        "Assembly", "CheckpointParts", "Checkpoints", "Collectives", "Configuration", "Datasets",
        "Determinism", "Distillation", "Division", "Engine", "Evaluation", "Faults", "Inputs",
        "Interchange", "Kernels", "Losses", "Networks", "Optimizers", "Pace", "Planning",
        "Reports", "Resumption", "RunFolders",
        "Scoring", "Sessions", "State", "Threads", "Timing",
      ],
      swiftSettings: house),
    .target(
      name: "GraphMatching", dependencies: ["Interchange", "Networks"], swiftSettings: house),
    .target(
      name: "Interop",
      dependencies: [
        "CheckpointParts", "Checkpoints", "Configuration", "Datasets", "Determinism",
        "GraphMatching", "Interchange", "Kernels", "Networks", "Sessions", "State",
      ],
      swiftSettings: house),
    .target(
      name: "Preflight",
      dependencies: [
        "Assembly", "Collectives", "Configuration", "Datasets", "Determinism", "Division", "Engine",
        "Inputs", "Interchange", "Kernels", "Losses", "Networks", "Optimizers", "Reports",
        "Scaling", "Scoring", "Sessions", "Threads", "Timing",
      ],
      swiftSettings: house),
    .target(
      name: "Tasks",
      dependencies: [
        "CheckpointParts", "Checkpoints", "Collectives", "Configuration", "Datasets", "Evaluation",
        "Inputs", "Interchange", "Kernels", "Measuring", "RawPhotos", "Reports", "Scoring",
        "Sessions", "Threads",
      ],
      swiftSettings: house),
    .target(
      name: "Templates", dependencies: ["Evaluation", "Interchange", "Preconditions"],
      swiftSettings: house),
    .target(
      name: "Protocols",
      dependencies: [
        "Collectives", "Configuration", "Datasets", "Evaluation", "Inputs", "Interchange",
        "Kernels", "Measuring", "Scoring", "Sessions", "Templates",
      ],
      swiftSettings: house),
    .target(
      name: "Sweeps",
      dependencies: [
        "Checkpoints", "Collectives", "Configuration", "Datasets", "Determinism", "Evaluation",
        "Inputs", "Interchange", "Measuring", "Networks", "Reports", "Scoring", "Sessions",
      ],
      swiftSettings: plainSettings),
    .target(
      name: "Comparison",
      dependencies: [
        "CheckpointParts", "Checkpoints", "Configuration", "Datasets", "Interchange", "RunFolders",
      ],
      swiftSettings: house),
    .target(
      name: "Inference", dependencies: ["Determinism", "Interchange", "Kernels", "Preconditions"],
      swiftSettings: house),
    .target(
      name: "Detection",
      dependencies: ["Datasets", "Determinism", "Inference", "Interchange", "Preconditions"],
      swiftSettings: house),
    .target(
      name: "RawPhotos",
      dependencies: ["Collectives", "Datasets", "Detection", "Determinism", "Sessions", "Threads"],
      swiftSettings: house),
    .target(
      name: "Cards",
      dependencies: [
        "CheckpointParts", "Checkpoints", "Configuration", "Datasets", "Determinism", "Evaluation",
        "Interchange", "Networks", "Reports", "RunFolders", "Sessions",
      ],
      swiftSettings: plainSettings),
    .target(
      name: "Cleaning",
      dependencies: [
        "Collectives", "Datasets", "Determinism", "EmbeddingFiles", "Evaluation", "Interchange",
        "Kernels", "Reports", "Sessions", "Threads",
      ],
      swiftSettings: house),
    .target(
      name: "DataTools",
      dependencies: [
        "Collectives", "Configuration", "Datasets", "Detection", "Determinism", "Evaluation",
        "Inputs", "Interchange", "RawPhotos", "Reports", "Sessions", "Threads",
      ],
      swiftSettings: house),
    .executableTarget(
      name: "ddp-train",
      dependencies: [
        "Cards", "Cleaning", "Collectives", "Comparison", "Configuration", "DataTools", "Datasets",
        "Detection", "EmbeddingFiles", "Faults", "Interchange", "Interop", "MPICollectives",
        "Measuring",
        "Preflight", "Protocols", "RawPhotos", "Scaling", "Sessions", "Sweeps", "Tasks", "Training",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      // Tests look at its commands, in release as everything else.
      swiftSettings: plainSettings + [.unsafeFlags(["-enable-testing"])]),

    .target(
      name: "Benchmarks",
      dependencies: [
        "Assembly", "Configuration", "Engine", "Inputs", "Planning", "RunFolders", "Sessions",
        "State", "Threads", "Timing", "Training", "Networks", "Kernels", "Losses", "Optimizers",
        "Collectives", "Datasets",
        "Detection", "Interchange", "Determinism", "TestSupport",
      ], path: "Benchmarks/Benchmarks", swiftSettings: kernelSettings),
    .executableTarget(
      name: "ddp-bench",
      dependencies: [
        "Benchmarks", "MPICollectives", "Collectives", "Kernels", "Networks",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], path: "Benchmarks/ddp-bench", swiftSettings: house),

    .target(
      name: "TestSupport", dependencies: ["Collectives", "Determinism", "Losses"],
      path: "Tests/TestSupport", swiftSettings: house),
    .executableTarget(
      name: "mpi-check",
      dependencies: [
        "Collectives", "Configuration", "CStuckMPI", "Datasets", "Engine",
        "MPICollectives", "RunFolders", "Sessions", "TestSupport", "Threads", "Training",
      ],
      path: "Tests/mpi-check",
      swiftSettings: house),
    .testTarget(name: "DeterminismTests", dependencies: ["Determinism", "TestSupport"]),
    .testTarget(
      name: "KernelsTests",
      dependencies: [
        "Kernels", "KernelsBF16", "KernelsPairs", "TestSupport", "Determinism", "CAllocations",
      ]),
    .testTarget(
      name: "NetworksTests",
      dependencies: ["Networks", "Kernels", "TestSupport", "Determinism", "CAllocations"],
      exclude: ["Golden"]),
    .testTarget(
      name: "LossesTests",
      dependencies: ["CAllocations", "Losses", "Kernels", "TestSupport", "Determinism"],
      exclude: ["Golden"]),
    .testTarget(
      name: "OptimizersTests", dependencies: ["Optimizers", "TestSupport", "Determinism"],
      exclude: ["Golden"]),
    .testTarget(
      name: "CollectivesTests", dependencies: ["Collectives", "Kernels", "TestSupport"]),
    .testTarget(
      name: "DatasetsTests",
      dependencies: [
        "Datasets", "Detection", "GraphMatching", "Inference", "Kernels", "Networks",
        "TestSupport", "Determinism", "CJPEG", "Interchange", "CAllocations", "CPhotoWriters",
        "Threads",
      ],
      exclude: ["Fixtures"]),
    .testTarget(
      name: "EvaluationTests",
      dependencies: ["Evaluation", "Interchange", "TestSupport", "Determinism"]),
    .testTarget(
      name: "InterchangeTests", dependencies: ["Interchange", "TestSupport", "Determinism"]),
    .testTarget(
      name: "EngineTests",
      dependencies: [
        "Assembly", "Collectives", "Configuration", "Datasets", "Determinism", "Engine", "Kernels",
        "Losses", "Networks", "Optimizers", "Scaling", "State", "TestSupport", "Threads",
      ]),
    .target(
      name: "RunSupport",
      dependencies: [
        "Checkpoints", "Collectives", "Configuration", "Datasets", "Engine", "Networks",
        "RunFolders", "Sessions", "State", "TestSupport", "Threads", "Training",
      ],
      path: "Tests/RunSupport", swiftSettings: plainSettings),
    .testTarget(name: "TrainingTests", dependencies: everyRoom),
    .testTarget(name: "ToolsTests", dependencies: everyRoom),
    .testTarget(
      name: "CommandLineTests",
      dependencies: [
        "Configuration", "Datasets", "TestSupport", "ddp-train",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    .target(name: "CAllocations", path: "Tests/CAllocations"),
    .target(
      name: "CPhotoWriters", path: "Tests/CPhotoWriters",
      linkerSettings: [.linkedLibrary("png"), .linkedLibrary("webp")]),
    .target(
      name: "CStuckMPI", dependencies: ["CMPI"], path: "Tests/CStuckMPI",
      cSettings: mpiCompilerSettings),
    .testTarget(
      name: "BenchmarksTests", dependencies: ["Benchmarks", "Interchange", "Kernels", "Networks"]),
  ],
  swiftLanguageModes: [.v6]
)

/// Tests whose own arithmetic is heavy: references, numerical derivatives, brute force.
let optimizedTests = ["KernelsTests", "LossesTests", "NetworksTests"]

// The others only call what they test.
for target in package.targets where target.type == .test && !optimizedTests.contains(target.name) {
  target.swiftSettings = [unoptimized]
}
