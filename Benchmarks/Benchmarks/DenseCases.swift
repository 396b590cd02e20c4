internal import Kernels
internal import Losses
internal import TestSupport

/// Dense layers, the loss head, and what it is made of.
enum DenseCases {
  /// The three products of a dense layer.
  static func linear(inputs: Int, outputs: Int, rows: Int) -> [KernelCase] {
    let weights = inputs * outputs
    let name = "linear \(inputs)->\(outputs)"
    let multiplyAdds = Double(rows * weights)
    return [
      KernelCase(
        "\(name) forward", multiplyAdds: multiplyAdds, reads: weights + rows * inputs,
        writes: rows * outputs, tolerance: 1e-5
      ) {
        let o = LinearOperands(inputs: inputs, outputs: outputs, rows: rows)
        let y = Floats(rows * outputs)
        let run = {
          LinearKernel.forward(
            o.x.constant, weights: o.w.constant, bias: o.bias.constant, rows: rows,
            inputs: inputs, outputs: outputs, into: y.pointer)
        }
        return KernelTrial(run: run) {
          run()
          let (x, w, bias) = (o.x.values, o.w.values, o.bias.values)
          var exact: [Double] = []
          for n in 0..<rows {
            for k in 0..<outputs {
              var sum = Double(bias[k])
              for c in 0..<inputs { sum += Double(x[n * inputs + c]) * Double(w[k * inputs + c]) }
              exact.append(sum)
            }
          }
          return worstError(y.values, exact)
        }
      },
      KernelCase(
        "\(name) input gradient", multiplyAdds: multiplyAdds, reads: weights + rows * outputs,
        writes: rows * inputs, tolerance: 1e-5
      ) {
        let o = LinearOperands(inputs: inputs, outputs: outputs, rows: rows)
        let dx = Floats(rows * inputs)
        let run = {
          LinearKernel.backwardInput(
            o.dy.constant, weights: o.w.constant, rows: rows, inputs: inputs, outputs: outputs,
            into: dx.pointer, addingToInput: false)
        }
        return KernelTrial(run: run) {
          run()
          let (dy, w) = (o.dy.values, o.w.values)
          var exact = [Double](repeating: 0, count: rows * inputs)
          for n in 0..<rows {
            for k in 0..<outputs {
              let gradient = Double(dy[n * outputs + k])
              for c in 0..<inputs { exact[n * inputs + c] += gradient * Double(w[k * inputs + c]) }
            }
          }
          return worstError(dx.values, exact)
        }
      },
      KernelCase(
        "\(name) weight gradient", multiplyAdds: multiplyAdds, reads: rows * (inputs + outputs),
        writes: weights, tolerance: 1e-5
      ) {
        let o = LinearOperands(inputs: inputs, outputs: outputs, rows: rows)
        let dw = Floats(weights)
        let db = Floats(outputs)
        let run = {
          LinearKernel.backwardWeights(
            o.dy.constant, input: o.x.constant, rows: rows, inputs: inputs, outputs: outputs,
            into: dw.pointer, biasGradient: db.pointer)
        }
        return KernelTrial(run: run) {
          run()
          let (x, dy) = (o.x.values, o.dy.values)
          var exact = [Double](repeating: 0, count: weights)
          for n in 0..<rows {
            for k in 0..<outputs {
              let gradient = Double(dy[n * outputs + k])
              for c in 0..<inputs { exact[k * inputs + c] += gradient * Double(x[n * inputs + c]) }
            }
          }
          return worstError(dw.values, exact)
        }
      },
    ]
  }

  /// The ArcFace head with both gradients, and the exponentials and norms inside it.
  static func head(classes: Int, dimension: Int, rows: Int) -> [KernelCase] {
    let weights = classes * dimension
    return [
      KernelCase(
        "arcface head \(classes)x\(dimension)", multiplyAdds: Double(3 * rows * weights),
        reads: 3 * weights, writes: weights, tolerance: 2e-5
      ) { headTrial(classes: classes, dimension: dimension, rows: rows) },
      KernelCase("softmax row of \(classes)", reads: classes, writes: classes, tolerance: 1e-6) {
        let scores = Floats(Noise.floats(classes, 1))
        let exponentials = Floats(classes)
        let run = {
          let greatest = SoftmaxKernel.maximum(of: scores.constant, count: classes)
          _ = SoftmaxKernel.exponentials(
            of: scores.constant, count: classes, scale: 64, minus: greatest,
            into: exponentials.pointer)
        }
        return KernelTrial(run: run) {
          run()
          let values = doubles(scores.values)
          let greatest = values.max()!
          return worstError(
            exponentials.values, values.map { exponential(64 * ($0 - greatest)) })
        }
      },
      KernelCase("unit rows \(classes)x\(dimension)", reads: 2 * weights, writes: weights) {
        let w = Floats(Noise.floats(weights, 1))
        let norms = Floats(classes)
        let units = Floats(weights)
        let run = {
          NormalizeKernel.inverseNorms(
            of: w.constant, rows: classes, width: dimension, into: norms.pointer)
          NormalizeKernel.scaleRows(
            of: w.constant, by: norms.constant, rows: classes, width: dimension,
            into: units.pointer)
        }
        return KernelTrial(run: run) {
          run()
          var exact = doubles(w.values)
          for row in 0..<classes {
            let range = row * dimension..<(row + 1) * dimension
            let norm = exact[range].reduce(0) { $0 + $1 * $1 }.squareRoot()
            for i in range { exact[i] /= norm }
          }
          return worstError(units.values, exact)
        }
      },
    ]
  }

  /// The distances between all embeddings of a batch of triplets, in Double.
  static func distances(faces: Int, dimension: Int) -> [KernelCase] {
    let pairs = faces * faces
    return [
      KernelCase(
        "distances of \(faces)x\(dimension)", multiplyAdds: Double(pairs * dimension),
        reads: 2 * faces * dimension, writes: 2 * pairs
      ) {
        let stride = DistanceKernel.stride(width: dimension)
        let embeddings = Floats(Noise.floats(faces * dimension, 1))
        let (units, factors) = (Doubles(faces * stride), Doubles(faces))
        let distances = Doubles(pairs)
        let run = {
          DistanceKernel.normalize(
            embeddings.constant, rows: faces, width: dimension, into: units.pointer,
            inverseNorms: factors.pointer)
          DistanceKernel.squaredDistances(
            from: units.pointer, count: faces, to: units.pointer, rows: faces, stride: stride,
            into: distances.pointer)
        }
        return KernelTrial(run: run) {
          run()
          // 2 - 2 cos from the dot products of what was not yet normalised.
          let x = doubles(embeddings.values)
          func product(_ a: Int, _ b: Int) -> Double {
            (0..<dimension).reduce(0) { $0 + x[a * dimension + $1] * x[b * dimension + $1] }
          }
          let norms = (0..<faces).map { product($0, $0).squareRoot() }
          return (0..<faces).reduce(0) { worst, a in
            let b = (a * 7919 + 1) % faces
            let exact = a == b ? 0 : 2 - 2 * product(a, b) / (norms[a] * norms[b])
            return max(worst, abs(distances.pointer[a * faces + b] - exact))
          }
        }
      }
    ]
  }

  private static func headTrial(classes: Int, dimension: Int, rows: Int) -> KernelTrial {
    let head = MarginSoftmaxHead(
      configuration: .arcFace(scale: 64, margin: 0.5), classes: classes, dimension: dimension)
    let x = Floats(Noise.floats(rows * dimension, 1))
    let w = Floats(Noise.floats(classes * dimension, 2, spread: 0.02))
    let labels = (0..<rows).map { Int32($0 * 7919 % classes) }
    let dx = Floats(rows * dimension)
    let dw = Floats(classes * dimension)
    let scratch = Floats(head.scratchCount(rows: rows))
    let run = {
      _ = head.run(
        x.constant, labels: labels, rows: rows, weights: w.constant, into: dx.pointer,
        weightGradient: dw.pointer, scratch: scratch.pointer)
    }
    return KernelTrial(run: run) {
      let value = head.run(
        x.constant, labels: labels, rows: rows, weights: w.constant, into: dx.pointer,
        weightGradient: dw.pointer, scratch: scratch.pointer)
      let exact = MarginSoftmaxReference(.arcFace(0.5)).run(
        doubles(x.values), labels: labels.map { Int($0) }, weights: doubles(w.values),
        classes: classes, width: dimension)
      return max(
        abs(value.lossSum - exact.loss) / exact.loss, worstError(dx.values, exact.embeddings),
        worstError(dw.values, exact.weights))
    }
  }
}

private struct LinearOperands {
  let x, w, bias, dy: Floats

  init(inputs: Int, outputs: Int, rows: Int) {
    x = Floats(Noise.floats(rows * inputs, 1))
    w = Floats(Noise.floats(inputs * outputs, 2, spread: 0.05))
    bias = Floats(Noise.floats(outputs, 3))
    dy = Floats(Noise.floats(rows * outputs, 4))
  }
}
