private import Preconditions

/// The cut of a flat parameter vector into tensors, with what an optimizer must know of each.
package struct ParameterGroups: Sendable, Equatable {
  /// Which learning rate a tensor follows.
  package enum Part: String, Sendable, Equatable {
    case backbone, head
  }

  /// One tensor of the flat vector.
  package struct Tensor: Sendable, Equatable {
    /// Its place in the flat vector.
    package let range: Range<Int>
    /// Whose rate it has.
    package let part: Part
    /// Whether weight decay applies.
    package let decays: Bool
    /// What the rate of the part is multiplied by; with 0 nothing of the tensor changes, nor of its
    /// state.
    package let rateScale: Double

    /// The tensor in `range`, with `rateScale` times the rate of `part`.
    package init(range: Range<Int>, part: Part, decays: Bool, rateScale: Double = 1) {
      self.range = range
      self.part = part
      self.decays = decays
      self.rateScale = rateScale
    }
  }

  /// The tensors in the order of the vector.
  package let tensors: [Tensor]
  /// The length of the vector; elements between tensors (padding) are never touched.
  package let count: Int
  /// Neighbouring tensors with the same settings made one, for optimizers that need no boundaries.
  let spans: [Tensor]

  /// `tensors` in the order of the vector, without overlap, inside 0..<count.
  package init(_ tensors: [Tensor], count: Int) {
    var end = 0
    var spans: [Tensor] = []
    for tensor in tensors {
      require(
        tensor.range.lowerBound >= end && tensor.range.upperBound <= count,
        "ParameterGroups: tensor \(tensor.range) after element \(end) of \(count)")
      end = tensor.range.upperBound
      if let last = spans.last, last.range.upperBound == tensor.range.lowerBound,
        last.part == tensor.part, last.decays == tensor.decays,
        last.rateScale == tensor.rateScale
      {
        spans[spans.count - 1] = Tensor(
          range: last.range.lowerBound..<end, part: last.part, decays: last.decays,
          rateScale: last.rateScale)
      } else {
        spans.append(tensor)
      }
    }
    self.tensors = tensors
    self.count = count
    self.spans = spans
  }

  /// Calls `body` with each piece of `range` that lies in one of `pieces` and changes, and the
  /// piece's index.
  static func forEach(
    of pieces: [Tensor], in range: Range<Int>, _ body: (Int, Tensor, Range<Int>) -> Void
  ) {
    var low = 0
    var high = pieces.count
    while low < high {
      let middle = (low + high) / 2
      if pieces[middle].range.upperBound <= range.lowerBound {
        low = middle + 1
      } else {
        high = middle
      }
    }
    while low < pieces.count && pieces[low].range.lowerBound < range.upperBound {
      let part = pieces[low].range.clamped(to: range)
      if !part.isEmpty, pieces[low].rateScale != 0 { body(low, pieces[low], part) }
      low += 1
    }
  }
}

/// The learning rates of one step.
package struct LearningRates: Sendable, Equatable {
  /// The rates of the network and of the class weights.
  package var backbone, head: Double

  /// Two rates, each of which may be 0.
  package init(backbone: Double, head: Double) {
    self.backbone = backbone
    self.head = head
  }

  /// The rate of a tensor.
  package subscript(tensor: ParameterGroups.Tensor) -> Double {
    self[tensor.part] * tensor.rateScale
  }

  /// The rate of a part of the parameters.
  package subscript(part: ParameterGroups.Part) -> Double {
    part == .backbone ? backbone : head
  }
}
