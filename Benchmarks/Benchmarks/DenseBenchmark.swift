private import Foundation
private import Kernels
internal import Threads

/// The products of dense layers and loss heads in registers of each width, in turns with OpenBLAS.
package struct DenseBenchmark: Sendable {
  /// A dense layer, or a head whose classes are worked on in blocks.
  package struct Shape: Sendable {
    package var name: String
    package var inputs, outputs: Int
    /// Outputs of a product.
    package var block: Int

    package init(_ name: String, inputs: Int, outputs: Int, block: Int? = nil) {
      self.name = name
      self.inputs = inputs
      self.outputs = outputs
      self.block = block ?? outputs
    }

    /// A head of so many classes in the blocks of `MarginSoftmaxHead`.
    static func head(_ classes: Int, dimension: Int = 512) -> Shape {
      Shape(
        "head \(classes)x\(dimension)", inputs: dimension, outputs: classes,
        block: max(16, 65_536 / dimension))
    }
  }

  /// The dense layers of the networks and heads of three sizes.
  package static let shapes = [
    Shape("iresnet 25088->512", inputs: 25_088, outputs: 512),
    Shape("nn1 fc1 12544->8192", inputs: 12_544, outputs: 8_192),
    Shape("nn1 fc2 4096->8192", inputs: 4_096, outputs: 8_192),
    Shape("nn1 fc7128 4096->128", inputs: 4_096, outputs: 128),
    Shape("resnet 512->512", inputs: 512, outputs: 512),
    .head(5_748), .head(100_000), .head(1_000_000),
  ]

  package var shapes: [Shape]
  private let filter: String
  package var rows: [Int]
  /// Seconds for each product.
  package var budgetSeconds: Double

  /// The shapes whose names contain `filter`, at each of `rows`.
  package init(filter: String, rows: [Int], budgetSeconds: Double) {
    self.filter = filter
    shapes = Self.shapes.filter { filter.isEmpty || $0.name.contains(filter) }
    self.rows = rows
    self.budgetSeconds = budgetSeconds
  }

  /// Times every product, printing each as it comes. Throws where no shape fits the filter.
  package func run(print: (String) -> Void) throws -> BenchmarkReport {
    guard !shapes.isEmpty else { throw BenchmarkFailure.nothing(filter: filter) }
    BLASRuntime.configureSingleThread()
    var report = BenchmarkReport(
      kind: "dense",
      settings: ["openblas": "\(BLASRuntime.coreName), \(BLASRuntime.buildConfiguration)"],
      machine: [:])
    let widths = RegisterWidth.available
    print("OpenBLAS: \(BLASRuntime.coreName)")
    print(
      Self.padded("product", 46)
        + widths.map { Self.padded($0.instructionSet + " ms", 13) }.joined()
        + Self.padded("OpenBLAS ms", 13)
        + widths.map { Self.padded("of it " + $0.instructionSet, 15) }.joined() + "GF/s")
    for shape in shapes {
      for count in rows {
        let operands = DenseOperands(shape, rows: count)
        for product in DenseOperands.Product.allCases {
          let row = measure(shape, count, product, operands, widths)
          report.rows.append(row)
          print(Self.line(row, widths))
        }
      }
    }
    return report
  }

  private func measure(
    _ shape: Shape, _ rows: Int, _ product: DenseOperands.Product, _ operands: DenseOperands,
    _ widths: [RegisterWidth]
  ) -> BenchmarkRow {
    var samples = [[Double]](repeating: [], count: widths.count + 1)
    let begin = Clock.seconds
    while samples[0].count < 4 || Clock.seconds - begin < budgetSeconds {
      for (i, width) in (widths.map(Optional.some) + [nil]).enumerated() {
        let start = Clock.seconds
        operands.run(product, in: width)
        samples[i].append(Clock.seconds - start)
      }
    }
    let timings = samples.map { Timing(Array($0.dropFirst())) }
    var figures = ["openblas_seconds": timings[widths.count].bestSeconds]
    for (i, width) in widths.enumerated() {
      figures[width.instructionSet] = timings[i].bestSeconds
    }
    let work = 2 * Double(rows) * Double(shape.inputs) * Double(shape.outputs)
    figures["gflops"] = work / timings[widths.count - 1].bestSeconds / 1e9
    return BenchmarkRow(
      name: "\(shape.name), \(rows) rows, \(product.rawValue)",
      bestSeconds: timings[widths.count - 1].bestSeconds,
      medianSeconds: timings[widths.count - 1].medianSeconds, figures: figures)
  }

  private static func line(_ row: BenchmarkRow, _ widths: [RegisterWidth]) -> String {
    let figures = row.figures
    let theirs = figures["openblas_seconds"]!
    func milliseconds(_ seconds: Double) -> String {
      padded(String(format: "%.3f", 1e3 * seconds), 13)
    }
    return padded(row.name, 46)
      + widths.map { milliseconds(figures[$0.instructionSet]!) }.joined() + milliseconds(theirs)
      + widths.map {
        padded(String(format: "%.2f", figures[$0.instructionSet]! / theirs), 15)
      }.joined() + String(format: "%.1f", figures["gflops"]!)
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    text.padding(toLength: max(width, text.count + 1), withPad: " ", startingAt: 0)
  }
}

/// The matrices of a dense layer or a head.
private final class DenseOperands {
  enum Product: String, CaseIterable {
    case forward
    case inputGradient = "input gradient"
    case weightGradient = "weight gradient"
  }

  private let shape: DenseBenchmark.Shape
  private let rows: Int
  private let x, w, y, dx, dw: Floats

  init(_ shape: DenseBenchmark.Shape, rows: Int) {
    self.shape = shape
    self.rows = rows
    x = Floats(rows * shape.inputs)
    w = Floats(shape.inputs * shape.outputs)
    y = Floats(rows * shape.outputs)
    dx = Floats(rows * shape.inputs)
    dw = Floats(shape.inputs * shape.outputs)
    for memory in [x, w, y] {
      for i in 0..<memory.count { memory.pointer[i] = Float(i % 251 - 125) * 0x1p-7 }
    }
  }

  /// One product over all blocks, in registers of `width`, or by OpenBLAS where that is nil.
  func run(_ product: Product, in width: RegisterWidth?) {
    for first in stride(from: 0, to: shape.outputs, by: shape.block) {
      let count = min(shape.block, shape.outputs - first)
      if let width {
        ours(product, first, count, width)
      } else {
        theirs(product, first, count)
      }
    }
  }

  private func ours(_ product: Product, _ first: Int, _ count: Int, _ width: RegisterWidth) {
    let (inputs, outputs) = (shape.inputs, shape.outputs)
    let block = w.constant + first * inputs
    switch product {
    case .forward:
      LinearKernel.forward(
        x.constant, weights: block, bias: nil, rows: rows, inputs: inputs, outputs: count,
        into: y.pointer + first, outputStride: outputs, in: width)
    case .inputGradient:
      LinearKernel.backwardInput(
        y.constant + first, outputStride: outputs, weights: block, rows: rows, inputs: inputs,
        outputs: count, into: dx.pointer, addingToInput: first > 0, in: width)
    case .weightGradient:
      LinearKernel.backwardWeights(
        y.constant + first, outputStride: outputs, input: x.constant, rows: rows, inputs: inputs,
        outputs: count, into: dw.pointer + first * inputs, biasGradient: nil, in: width)
    }
  }

  private func theirs(_ product: Product, _ first: Int, _ count: Int) {
    let (inputs, outputs) = (shape.inputs, shape.outputs)
    let block = w.constant + first * inputs
    switch product {
    case .forward where rows <= 3:
      for row in 0..<rows {
        DenseProduct.multiply(
          block, vector: x.constant + row * inputs, rows: count, inner: inputs,
          into: y.pointer + row * outputs + first)
      }
    case .forward:
      DenseProduct.multiply(
        x.constant, block, transposeB: true, rows: rows, columns: count, inner: inputs,
        strideResult: outputs, into: y.pointer + first)
    case .inputGradient:
      DenseProduct.multiply(
        y.constant + first, block, rows: rows, columns: inputs, inner: count,
        beta: first == 0 ? 0 : 1, strideA: outputs, into: dx.pointer)
    case .weightGradient:
      DenseProduct.multiply(
        y.constant + first, transposeA: true, x.constant, rows: count, columns: inputs,
        inner: rows, strideA: outputs, into: dw.pointer + first * inputs)
    }
  }
}
