import Foundation
import Testing

/// That law 6 can miss no kernel: what the sources of Kernels declare is what `LawOfKernelMemory`
/// runs.
@Suite struct KernelListTests {
  /// What works on memory and in no step.
  private static let outsideOfSteps: Set = [
    // When a state is drawn, loaded or written.
    "ConvolutionWeights.pack", "ConvolutionWeights.unpack",
    // For figures of an evaluation, and the yardstick of benchmarks.
    "DenseProduct.multiply",
  ]

  /// Folders of what is compiled once for each width of registers: the kernels of convolutions and
  /// dense layers call it, and the law runs these in every width.
  private static let reachedByWidth: Set = ["AnyWidth", "DenseAnyWidth", "Narrow"]

  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// `TYPE.FUNCTION` of every static function that other rooms can call and that is given memory.
  private static func declared() throws -> Set<String> {
    let folder = root.appending(path: "Sources/Kernels").path
    let paths = try #require(FileManager.default.enumerator(atPath: folder))
      .compactMap { $0 as? String }
      .filter { path in
        path.hasSuffix(".swift") && !reachedByWidth.contains(String(path.prefix { $0 != "/" }))
      }
    let types = #"^(?:package )?(?:enum|struct|extension|final class|protocol) (?<type>\w+)"#
    let functions = #"^  package static func (?<name>\w+)(?<signature>[^{]*)\{"#
    let declaration = try Regex("(?m)\(types)|\(functions)")
    var names: Set<String> = []
    for path in paths {
      let text = try String(contentsOfFile: "\(folder)/\(path)", encoding: .utf8)
      var type = ""
      for match in text.matches(of: declaration) {
        if let found = match["type"]?.substring {
          type = String(found)
        } else if let name = match["name"]?.substring,
          match["signature"]?.substring?.contains("Pointer") == true
        {
          names.insert("\(type).\(name)")
        }
      }
    }
    return names
  }

  @Test func everyKernelIsUnderTheLaw() throws {
    let declared = try Self.declared()
    #expect(declared.contains("LinearKernel.forward") && declared.contains("SoftmaxChain.add"))
    let law = try String(
      contentsOf: Self.root.appending(path: "Tests/KernelsTests/LawOfKernelMemoryTests.swift"),
      encoding: .utf8)
    let missed = declared.subtracting(Self.outsideOfSteps).filter { !law.contains("\($0)(") }
    #expect(missed.isEmpty, "LawOfKernelMemory runs no \(missed.sorted().joined(separator: ", "))")
    let gone = Self.outsideOfSteps.subtracting(declared)
    #expect(gone.isEmpty, "not declared: \(gone.sorted().joined(separator: ", "))")
  }
}
