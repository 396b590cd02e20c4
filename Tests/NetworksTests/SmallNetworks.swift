import Networks

/// Networks of a few layers, each about one layer or one way of wiring: a stem that makes the map
/// under test, the layer, and a dense head.
struct SmallNetwork: Sendable, CustomStringConvertible {
  let description: String
  /// Takes the map [5, 4, 8] that the stem has made.
  private let body: @Sendable (Activation, inout Plan) -> Activation

  private init(
    _ description: String, body: @escaping @Sendable (Activation, inout Plan) -> Activation
  ) {
    self.description = description
    self.body = body
  }

  static let initializer = Initializer.uniform(bound: 0.3)
  static let rows = 4

  func network(maximumRows: Int = rows) -> Network {
    var plan = Plan(maximumRows: maximumRows, image: MapShape(height: 5, width: 4, channels: 3))
    let stem = plan.convolution(
      plan.image, name: "stem", channels: 8, kernel: 3, initializer: Self.initializer)
    let result = body(stem, &plan)
    let output = plan.linear(result, name: "head", outputs: 5)
    return Network(name: description, plan: plan, output: output)
  }

  static let all = layers + wirings

  private static let layers = [
    convolution(channels: 8, kernel: 3),
    convolution(channels: 19, kernel: 3),
    convolution(channels: 8, kernel: 3, stride: 2),
    convolution(channels: 24, kernel: 3, stride: 2),
    convolution(channels: 5, kernel: 1),
    convolution(channels: 11, kernel: 1, stride: 2),
    convolution(channels: 8, kernel: 7, stride: 2),
    convolution(channels: 6, kernel: 2, padding: 0),
    SmallNetwork("batch norm") { $1.batchNorm($0, name: "bn") },
    SmallNetwork("batch norm with fixed scale") {
      $1.batchNorm($0, name: "bn", fixedScale: true)
    },
    SmallNetwork("batch norm and ReLU") { $1.batchNorm($0, name: "bn", relu: true) },
    SmallNetwork("batch norm and PReLU") { $1.batchNorm($0, name: "bn", prelu: "prelu") },
    SmallNetwork("max pool") { $1.maxPool($0, window: 3, stride: 2, padding: 1) },
    SmallNetwork("L2 pool") { $1.l2Pool($0, window: 3, stride: 1, padding: 1) },
    SmallNetwork("L2 pool / 2") { $1.l2Pool($0, window: 3, stride: 2, padding: 1) },
    SmallNetwork("average pool") { $1.globalAveragePool($0) },
    SmallNetwork("bias and ReLU") { $1.biasReLU($0, name: "bias") },
    SmallNetwork("response norm") { $1.responseNorm($0) },
    SmallNetwork("maxout") { x, plan in
      let y = plan.linear(x, name: "fc", outputs: 27)
      return plan.maxout(y, pieces: 3)
    },
    SmallNetwork("linear") { $1.linear($0, name: "fc", outputs: 9) },
    SmallNetwork("dropout") { $1.dropout($0, probability: 0.3) },
    grouped(1), grouped(1, stride: 2), grouped(2), grouped(2, stride: 2),
    SmallNetwork("depthwise over the whole map") {
      $1.groupedConvolution(
        $0, name: "conv", groups: 8, kernel: 4, padding: 0, initializer: initializer)
    },
    window(height: 1, width: 3), window(height: 3, width: 1),
    SmallNetwork("linear without bias") { $1.linear($0, name: "fc", outputs: 9, hasBias: false) },
  ]

  private static func grouped(_ width: Int, stride: Int = 1) -> SmallNetwork {
    SmallNetwork("convolution in groups of \(width) / \(stride)") {
      $1.groupedConvolution(
        $0, name: "conv", groups: 8 / width, kernel: 3, stride: stride, initializer: initializer)
    }
  }

  private static func window(height: Int, width: Int) -> SmallNetwork {
    SmallNetwork("convolution \(height)x\(width)") {
      $1.convolution(
        $0, name: "conv", channels: 6,
        window: ConvolutionWindow(
          height: height, width: width, stride: 1, paddingHeight: height / 2,
          paddingWidth: width / 2), initializer: initializer)
    }
  }

  private static let wirings = [
    SmallNetwork("residual") { x, plan in
      let y = plan.branch(x, "a")
      return plan.batchNorm(y, name: "bn", residual: x)
    },
    SmallNetwork("residual and ReLU") { x, plan in
      let y = plan.branch(x, "a")
      return plan.batchNorm(y, name: "bn", relu: true, residual: x)
    },
    SmallNetwork("residual and PReLU") { x, plan in
      let y = plan.branch(x, "a")
      return plan.batchNorm(y, name: "bn", prelu: "prelu", residual: x)
    },
    SmallNetwork("scaled residual") { x, plan in
      let y = plan.branch(x, "a")
      return plan.scaledResidual(
        y, name: "a", scale: 0.4, residual: x, rectifies: false,
        biasInitializer: .uniform(bound: 0.1))
    },
    SmallNetwork("scaled residuals with ReLU, read again") { x, plan in
      var x = x
      for name in ["a", "b"] {
        let y = plan.branch(x, name)
        x = plan.scaledResidual(
          y, name: name, scale: 0.4, residual: x, rectifies: true,
          biasInitializer: .uniform(bound: 0.1))
      }
      return plan.batchNorm(plan.branch(x, "c"), name: "c.bn", residual: x)
    },
    SmallNetwork("three residuals in a row") { x, plan in
      var x = x
      for name in ["a", "b", "c"] {
        let y = plan.branch(plan.batchNorm(x, name: name + ".before"), name)
        x = plan.batchNorm(y, name: name + ".after", residual: x)
      }
      return x
    },
    SmallNetwork("two branches") { x, plan in
      let a = plan.batchNorm(plan.branch(x, "a"), name: "a.bn", relu: true)
      let b = plan.batchNorm(plan.branch(x, "b"), name: "b.bn")
      return plan.batchNorm(plan.branch(a, "c"), name: "bn", relu: true, residual: b)
    },
    SmallNetwork("a reader after the residual") { x, plan in
      let y = plan.batchNorm(plan.branch(x, "a"), name: "a.bn", residual: x)
      return plan.batchNorm(plan.branch(x, "b"), name: "b.bn", relu: true, residual: y)
    },
    SmallNetwork("batch norm is the last of three readers") { x, plan in
      let a = plan.branch(x, "a")
      let b = plan.batchNorm(a, name: "a.bn", prelu: "a.prelu", residual: x)
      let c = plan.batchNorm(x, name: "c.bn", relu: true)
      return plan.batchNorm(b, name: "bn", residual: c)
    },
    SmallNetwork("batch norm is the first of three readers") { x, plan in
      let a = plan.batchNorm(x, name: "a.bn", relu: true)
      let b = plan.batchNorm(plan.branch(x, "b"), name: "b.bn", residual: a)
      return plan.batchNorm(plan.branch(b, "c"), name: "bn", prelu: "prelu", residual: x)
    },
    SmallNetwork("dropout beside a branch") { x, plan in
      let dropped = plan.dropout(x, probability: 0.4)
      let y = plan.batchNorm(plan.branch(x, "a"), name: "a.bn", residual: dropped)
      return plan.dropout(y, probability: 0.2)
    },
    SmallNetwork("dropout after a branch") { x, plan in
      let y = plan.batchNorm(plan.branch(x, "a"), name: "a.bn")
      let dropped = plan.dropout(x, probability: 0.4)
      return plan.batchNorm(dropped, name: "bn", relu: true, residual: y)
    },
    SmallNetwork("pools and strides beside each other") { x, plan in
      let a = plan.maxPool(x, window: 3, stride: 2, padding: 1)
      let b = plan.convolution(
        x, name: "b", channels: 8, kernel: 3, stride: 2, initializer: initializer)
      let c = plan.convolution(
        x, name: "c", channels: 8, kernel: 1, stride: 2, initializer: initializer)
      let d = plan.batchNorm(b, name: "b.bn", relu: true, residual: a)
      return plan.batchNorm(c, name: "c.bn", residual: d)
    },
    SmallNetwork("concatenation of four branches") { x, plan in
      var joined = plan.concatenation(MapShape(height: 3, width: 2, channels: 35))
      func conv(_ channels: Int, _ name: String) -> Activation {
        plan.convolution(
          x, name: name, channels: channels, kernel: 3, stride: 2, initializer: initializer)
      }
      _ = plan.biasReLU(conv(8, "a"), name: "a", into: joined.next(8))
      _ = plan.batchNorm(conv(11, "b"), name: "b.bn", relu: true, into: joined.next(11))
      _ = plan.maxPool(x, window: 3, stride: 2, padding: 1, into: joined.next(8))
      _ = plan.l2Pool(x, window: 3, stride: 2, padding: 1, into: joined.next(8))
      return joined.activation
    },
    SmallNetwork("concatenation of concatenations") { x, plan in
      var x = x
      for name in ["a", "b"] {
        let channels = x.shape.channels
        var joined = plan.concatenation(
          MapShape(height: 5, width: 4, channels: 5 + channels + 6))
        let y = plan.convolution(
          x, name: name, channels: 5, kernel: 1, initializer: initializer)
        _ = plan.batchNorm(y, name: name + ".bn", into: joined.next(5))
        _ = plan.l2Pool(x, window: 3, stride: 1, padding: 1, into: joined.next(channels))
        let pooled = plan.maxPool(x, window: 3, stride: 1, padding: 1)
        let z = plan.convolution(
          pooled, name: name + ".projection", channels: 6, kernel: 1, initializer: initializer)
        _ = plan.biasReLU(z, name: name + ".projection", into: joined.next(6))
        x = joined.activation
      }
      return x
    },
    SmallNetwork("residual into a concatenation") { x, plan in
      var joined = plan.concatenation(MapShape(height: 5, width: 4, channels: 16))
      for name in ["a", "b"] {
        let y = plan.branch(x, name)
        _ = plan.batchNorm(
          y, name: name + ".bn", relu: true, residual: x, into: joined.next(8))
      }
      return joined.activation
    },
    SmallNetwork("heads of one map") { x, plan in
      let a = plan.linear(x, name: "a", outputs: 8)
      let b = plan.globalAveragePool(x)
      let c = plan.linear(x, name: "c", outputs: 8)
      let d = plan.batchNorm(a, name: "a.bn", residual: b)
      return plan.batchNorm(c, name: "c.bn", residual: d)
    },
  ]

  private static func convolution(
    channels: Int, kernel: Int, stride: Int = 1, padding: Int? = nil
  ) -> SmallNetwork {
    SmallNetwork("convolution \(kernel)x\(kernel) / \(stride) to \(channels)") {
      $1.convolution(
        $0, name: "conv", channels: channels, kernel: kernel, stride: stride, padding: padding,
        initializer: initializer)
    }
  }
}

extension Plan {
  /// A convolution that keeps the shape.
  fileprivate mutating func branch(_ x: Activation, _ name: String) -> Activation {
    convolution(
      x, name: name, channels: x.shape.channels, kernel: 3, initializer: SmallNetwork.initializer)
  }
}
