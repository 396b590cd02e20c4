// swift-tools-version: 6.1
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

/// Kernels are optimised in debug builds too (a debug build of them is 100 times slower), as one module.
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

let package = Package(
  name: "ddp-train",
  platforms: [.macOS(.v15)],
  products: [.executable(name: "ddp-train", targets: ["ddp-train"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    .systemLibrary(name: "CMPI", pkgConfig: "ompi-c", providers: [.apt(["libopenmpi-dev"])]),
    .systemLibrary(name: "CBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
    .systemLibrary(name: "CProcessor"),
    .target(name: "CJPEG", linkerSettings: [.linkedLibrary("jpeg")]),

    .target(name: "Preconditions", swiftSettings: house),
    .target(name: "Determinism", dependencies: ["Preconditions"], swiftSettings: house),
    .target(
      name: "KernelsAVX512", dependencies: ["CProcessor"], swiftSettings: wideSettings),
    .target(
      name: "Kernels", dependencies: ["CBLAS", "CProcessor", "KernelsAVX512", "Preconditions"],
      swiftSettings: kernelSettings),
    .target(
      name: "Networks", dependencies: ["Kernels", "Determinism", "Preconditions"],
      swiftSettings: house),
    .target(
      name: "Losses", dependencies: ["Kernels", "Determinism", "Preconditions"],
      swiftSettings: house),
    .target(name: "Optimizers", dependencies: ["Kernels", "Preconditions"], swiftSettings: house),
    .target(name: "Collectives", dependencies: ["Kernels", "Preconditions"], swiftSettings: house),
    .target(
      name: "MPICollectives", dependencies: ["Collectives", "CMPI", "Preconditions"],
      swiftSettings: house),
    .target(
      name: "Datasets", dependencies: ["CJPEG", "Determinism", "Interchange", "Preconditions"],
      swiftSettings: house),
    .target(
      name: "Evaluation", dependencies: ["Kernels", "Determinism", "Preconditions"],
      swiftSettings: house),
    .target(
      name: "Interchange", dependencies: ["Determinism", "Preconditions"], swiftSettings: house),
    .target(
      name: "Training",
      dependencies: [
        "Determinism", "Kernels", "Networks", "Losses", "Optimizers", "Collectives", "Datasets",
        "Evaluation", "Interchange", "Preconditions", "Yams",
      ], swiftSettings: house),
    .executableTarget(
      name: "ddp-train",
      dependencies: [
        "Training", "MPICollectives", "Collectives", "Networks",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], swiftSettings: house),

    .target(
      name: "Benchmarks",
      dependencies: [
        "Training", "Networks", "Kernels", "Losses", "Optimizers", "Collectives", "Datasets",
        "Interchange", "Determinism", "TestSupport", "Preconditions",
      ], path: "Benchmarks/Benchmarks", swiftSettings: kernelSettings),
    .executableTarget(
      name: "ddp-bench",
      dependencies: [
        "Benchmarks", "MPICollectives", "Collectives", "Networks",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], path: "Benchmarks/ddp-bench", swiftSettings: house),

    .target(
      name: "TestSupport", dependencies: ["Collectives", "Determinism"], path: "Tests/TestSupport",
      swiftSettings: house),
    .executableTarget(
      name: "mpi-check",
      dependencies: [
        "MPICollectives", "Collectives", "Datasets", "Training", "TestSupport", "CStuckMPI",
      ],
      path: "Tests/mpi-check",
      swiftSettings: house),
    .testTarget(name: "DeterminismTests", dependencies: ["Determinism", "TestSupport"]),
    .testTarget(name: "KernelsTests", dependencies: ["Kernels", "TestSupport", "Determinism"]),
    .testTarget(
      name: "NetworksTests", dependencies: ["Networks", "Kernels", "TestSupport", "Determinism"],
      exclude: ["Golden"]),
    .testTarget(
      name: "LossesTests", dependencies: ["Losses", "Kernels", "TestSupport", "Determinism"],
      exclude: ["Golden"]),
    .testTarget(
      name: "OptimizersTests", dependencies: ["Optimizers", "TestSupport", "Determinism"],
      exclude: ["Golden"]),
    .testTarget(
      name: "CollectivesTests", dependencies: ["Collectives", "Kernels", "TestSupport"]),
    .testTarget(
      name: "DatasetsTests",
      dependencies: [
        "Datasets", "TestSupport", "Determinism", "CJPEG", "Interchange", "CAllocations",
      ],
      exclude: ["Fixtures"]),
    .testTarget(
      name: "EvaluationTests", dependencies: ["Evaluation", "TestSupport", "Determinism"]),
    .testTarget(
      name: "InterchangeTests", dependencies: ["Interchange", "TestSupport", "Determinism"]),
    .testTarget(
      name: "TrainingTests",
      dependencies: [
        "Training", "TestSupport", "Networks", "Losses", "Optimizers", "Datasets", "Collectives",
        "Evaluation", "Interchange", "Determinism", "CAllocations",
      ]),
    .target(name: "CAllocations", path: "Tests/CAllocations"),
    .target(name: "CStuckMPI", dependencies: ["CMPI"], path: "Tests/CStuckMPI"),
    .testTarget(name: "BenchmarksTests", dependencies: ["Benchmarks", "Networks", "Kernels"]),
  ],
  swiftLanguageModes: [.v6]
)
