private import CProcessor
private import Glibc

/// In what numbers products of convolutions are computed; sums are floats.
package enum Precision: String, Sendable, CaseIterable {
  case float32 = "fp32"
  /// Pairs of bfloat16, as VDPBF16PS multiplies them: the same bits where a processor lacks the
  /// instruction, at less speed. Grouped convolutions and dense layers keep to floats.
  case bfloat16 = "bf16"

  /// Whether products of pairs are one instruction here: AVX512_BF16 that computes what it should,
  /// unless `DDP_TRAIN_BF16=0` or `DDP_TRAIN_AVX512=0` in the environment does without it, to
  /// compare the two.
  package static let hasInstruction = instruction == .works

  private enum Instruction {
    case works, missing, refused, wrong
  }

  private static let instruction: Instruction = {
    if cprocessor_has_avx512_bf16() == 0 { return .missing }
    let isRefused = getenv("DDP_TRAIN_BF16").map { String(cString: $0) } == "0"
    if isRefused || RegisterWidth.chosen != .sixteen { return .refused }
    return PairProbe.agrees() ? .works : .wrong
  }()

  /// Which arithmetic computes products of this precision here, in one line; nil for floats.
  package var note: String? {
    self == .bfloat16 ? "products: bf16 in convolutions, \(Self.wayOfPairs)" : nil
  }

  /// How products of pairs are computed here.
  package static var wayOfPairs: String {
    let slower = "emulated: slower than fp32 on this processor"
    return switch instruction {
    case .works: "by AVX512_BF16"
    case .missing: slower
    case .refused: "emulated: the environment does without AVX512_BF16"
    case .wrong: "\(slower), whose AVX512_BF16 computes other bits than it should"
    }
  }

  /// The one of both that this is not.
  package var other: Precision { self == .float32 ? .bfloat16 : .float32 }
}
