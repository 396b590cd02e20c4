private import Kernels

/// The squares that a layer pools over, in elements.
private struct PoolingWindows {
  let side, stride, padding: Int

  /// `3x3`.
  var sides: String { "\(side)x\(side)" }

  func shape(rows: Int, of input: Input, into output: Activation) -> PoolingShape {
    PoolingShape(
      batch: rows, height: input.shape.height, width: input.shape.width,
      channels: input.shape.channels, window: side, stride: stride, padding: padding,
      outputStride: output.stride)
  }
}

/// Maximum over windows: [rows, H, W, C] to [rows, H', W', C].
package struct MaxPool: Layer {
  private let input: Input
  package let output: Activation
  /// Which element of each window was the largest, one byte an output.
  private let winners: Workspace
  private let windows: PoolingWindows
  package let operations: [Operation]
  package let parameters: Range<Int>

  init(_ draft: LayerDraft, window: Int, stride: Int, padding: Int, in plan: inout Plan) {
    windows = PoolingWindows(side: window, stride: stride, padding: padding)
    operations = draft.operations
    parameters = draft.parameters
    input = plan.read(draft.input, inBackward: false)
    output = plan.write(draft.shape, into: draft.range)
    winners = plan.workspace(
      plan.maximumRows * output.shape.count, of: .uint8, inInference: true)
  }

  package var summary: String { "max pool \(windows.sides) / \(windows.stride)" }
  package var inputs: [Input] { [input] }

  package func forward(in pass: borrowing Pass) {
    PoolingKernel.max(
      pass[input], shape: shape(pass), into: pass[output], winners: pass[winners, as: UInt8.self])
  }

  package func backward(in pass: borrowing Pass) {
    guard let inputGradient = pass.gradient(of: input) else { return }
    PoolingKernel.maxBackward(
      pass.gradient(of: output), winners: pass[winners, as: UInt8.self], shape: shape(pass),
      into: inputGradient, addingToInput: pass.adds(to: input))
  }

  private func shape(_ pass: borrowing Pass) -> PoolingShape {
    windows.shape(rows: pass.rows, of: input, into: output)
  }
}

/// The square root of the sum of squares over windows (FaceNet, table 2): [rows, H, W, C] to
/// [rows, H', W', C].
package struct L2Pool: Layer {
  private let input: Input
  package let output: Activation
  private let windows: PoolingWindows
  package let operations: [Operation]
  package let parameters: Range<Int>

  init(_ draft: LayerDraft, window: Int, stride: Int, padding: Int, in plan: inout Plan) {
    windows = PoolingWindows(side: window, stride: stride, padding: padding)
    operations = draft.operations
    parameters = draft.parameters
    input = plan.read(draft.input, inBackward: true)
    output = plan.write(draft.shape, into: draft.range)
    plan.keepForBackward(output)
    plan.scratch(output.shape.count, of: .float32)
  }

  package var summary: String {
    "L2 pool \(windows.sides)" + (windows.stride == 1 ? "" : " / \(windows.stride)")
  }

  package var inputs: [Input] { [input] }

  package func forward(in pass: borrowing Pass) {
    L2PoolingKernel.forward(pass[input], shape: shape(pass), into: pass[output])
  }

  package func backward(in pass: borrowing Pass) {
    guard let inputGradient = pass.gradient(of: input) else { return }
    L2PoolingKernel.backward(
      pass.gradient(of: output), input: pass[input], output: pass[output], shape: shape(pass),
      into: inputGradient, addingToInput: pass.adds(to: input),
      scratch: pass.scratch(as: Float.self))
  }

  private func shape(_ pass: borrowing Pass) -> PoolingShape {
    windows.shape(rows: pass.rows, of: input, into: output)
  }
}

/// The mean over each map: [rows, H, W, C] to [rows, 1, 1, C].
package struct GlobalAveragePool: Layer {
  private let input: Input
  package let output: Activation
  package let operations: [Operation]
  package let parameters: Range<Int>

  init(_ draft: LayerDraft, in plan: inout Plan) {
    operations = draft.operations
    parameters = draft.parameters
    input = plan.read(draft.input, inBackward: false)
    output = plan.write(draft.shape)
  }

  package var summary: String { "average pool" }
  package var inputs: [Input] { [input] }

  package func forward(in pass: borrowing Pass) {
    PoolingKernel.globalAverage(
      pass[input], batch: pass.rows, pixels: input.shape.pixels, channels: input.shape.channels,
      into: pass[output])
  }

  package func backward(in pass: borrowing Pass) {
    guard let inputGradient = pass.gradient(of: input) else { return }
    PoolingKernel.globalAverageBackward(
      pass.gradient(of: output), batch: pass.rows, pixels: input.shape.pixels,
      channels: input.shape.channels, into: inputGradient, addingToInput: pass.adds(to: input))
  }
}

extension MapShape {
  /// The shape after pooling, sizes rounded down.
  package func pooled(window: Int, stride: Int, padding: Int) -> MapShape {
    MapShape(
      height: (height + 2 * padding - window) / stride + 1,
      width: (width + 2 * padding - window) / stride + 1, channels: channels)
  }
}

extension Graph {
  /// Maximum over square windows; padding never wins. The output goes into `range` of a
  /// concatenation if that is given.
  package mutating func maxPool(
    _ source: Value, window: Int, stride: Int, padding: Int, into range: ChannelRange? = nil
  ) -> Value {
    append(
      .maxPool(window: window, stride: stride, padding: padding), source,
      shape: source.shape.pooled(window: window, stride: stride, padding: padding), into: range)
  }

  /// The square root of the sum of squares over square windows, zeros for padding; `range` as in
  /// `maxPool`.
  package mutating func l2Pool(
    _ source: Value, window: Int, stride: Int, padding: Int, into range: ChannelRange? = nil
  ) -> Value {
    append(
      .l2Pool(window: window, stride: stride, padding: padding), source,
      shape: source.shape.pooled(window: window, stride: stride, padding: padding), into: range)
  }

  /// The mean over each whole map.
  package mutating func globalAveragePool(_ source: Value) -> Value {
    append(.averagePool, source, shape: MapShape(features: source.shape.channels))
  }
}
