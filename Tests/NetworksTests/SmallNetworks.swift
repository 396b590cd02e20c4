import Networks

/// Networks of a few layers, each about one layer or one way of wiring: a stem that makes the map
/// under test, the layer, and a dense head.
struct SmallNetwork: Sendable, CustomStringConvertible {
  let description: String
  /// Takes the map [5, 4, 8] that the stem has made.
  private let body: @Sendable (Value, inout Graph) -> Value

  private init(
    _ description: String, body: @escaping @Sendable (Value, inout Graph) -> Value
  ) {
    self.description = description
    self.body = body
  }

  static let initializer = Initializer.uniform(bound: 0.3)
  static let rows = 4

  func network(maximumRows: Int = rows, fuses: Bool = true) -> Network {
    var graph = Graph(image: MapShape(height: 5, width: 4, channels: 3))
    let stem = graph.convolution(
      graph.image, name: "stem", channels: 8, kernel: 3, initializer: Self.initializer)
    let result = body(stem, &graph)
    let output = graph.linear(result, name: "head", outputs: 5)
    return Network(
      name: description, graph: graph, output: output, maximumRows: maximumRows, fuses: fuses)
  }

  static let all = layers + wirings + elementwise

  private static let layers = [
    convolution(channels: 8, kernel: 3),
    convolution(channels: 19, kernel: 3),
    convolution(channels: 8, kernel: 3, stride: 2),
    convolution(channels: 24, kernel: 3, stride: 2),
    convolution(channels: 5, kernel: 1),
    convolution(channels: 11, kernel: 1, stride: 2),
    convolution(channels: 8, kernel: 7, stride: 2),
    convolution(channels: 6, kernel: 2, padding: 0),
    SmallNetwork("batch norm") { $1.norm($0, name: "bn") },
    SmallNetwork("batch norm with fixed scale") {
      $1.norm($0, name: "bn", fixedScale: true)
    },
    SmallNetwork("batch norm and ReLU") { $1.norm($0, name: "bn", relu: true) },
    SmallNetwork("batch norm and PReLU") { $1.norm($0, name: "bn", prelu: "prelu") },
    SmallNetwork("max pool") { $1.maxPool($0, window: 3, stride: 2, padding: 1) },
    SmallNetwork("L2 pool") { $1.l2Pool($0, window: 3, stride: 1, padding: 1) },
    SmallNetwork("L2 pool / 2") { $1.l2Pool($0, window: 3, stride: 2, padding: 1) },
    SmallNetwork("average pool") { $1.globalAveragePool($0) },
    SmallNetwork("bias and ReLU") { $1.biasReLU($0, name: "bias") },
    SmallNetwork("response norm") { $1.responseNorm($0) },
    SmallNetwork("maxout") { x, graph in
      let y = graph.linear(x, name: "fc", outputs: 27)
      return graph.maxout(y, pieces: 3)
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
    SmallNetwork("residual") { x, graph in
      let y = graph.branch(x, "a")
      return graph.norm(y, name: "bn", residual: x)
    },
    SmallNetwork("residual and ReLU") { x, graph in
      let y = graph.branch(x, "a")
      return graph.norm(y, name: "bn", relu: true, residual: x)
    },
    SmallNetwork("residual and PReLU") { x, graph in
      let y = graph.branch(x, "a")
      return graph.norm(y, name: "bn", prelu: "prelu", residual: x)
    },
    SmallNetwork("scaled residual") { x, graph in
      let y = graph.branch(x, "a")
      return graph.scaledResidual(
        y, name: "a", scale: 0.4, residual: x, rectifies: false,
        biasInitializer: .uniform(bound: 0.1))
    },
    SmallNetwork("scaled residuals with ReLU, read again") { x, graph in
      var x = x
      for name in ["a", "b"] {
        let y = graph.branch(x, name)
        x = graph.scaledResidual(
          y, name: name, scale: 0.4, residual: x, rectifies: true,
          biasInitializer: .uniform(bound: 0.1))
      }
      return graph.norm(graph.branch(x, "c"), name: "c.bn", residual: x)
    },
    SmallNetwork("three residuals in a row") { x, graph in
      var x = x
      for name in ["a", "b", "c"] {
        let y = graph.branch(graph.norm(x, name: name + ".before"), name)
        x = graph.norm(y, name: name + ".after", residual: x)
      }
      return x
    },
    SmallNetwork("two branches") { x, graph in
      let a = graph.norm(graph.branch(x, "a"), name: "a.bn", relu: true)
      let b = graph.norm(graph.branch(x, "b"), name: "b.bn")
      return graph.norm(graph.branch(a, "c"), name: "bn", relu: true, residual: b)
    },
    SmallNetwork("a reader after the residual") { x, graph in
      let y = graph.norm(graph.branch(x, "a"), name: "a.bn", residual: x)
      return graph.norm(graph.branch(x, "b"), name: "b.bn", relu: true, residual: y)
    },
    SmallNetwork("batch norm is the last of three readers") { x, graph in
      let a = graph.branch(x, "a")
      let b = graph.norm(a, name: "a.bn", prelu: "a.prelu", residual: x)
      let c = graph.norm(x, name: "c.bn", relu: true)
      return graph.norm(b, name: "bn", residual: c)
    },
    SmallNetwork("batch norm is the first of three readers") { x, graph in
      let a = graph.norm(x, name: "a.bn", relu: true)
      let b = graph.norm(graph.branch(x, "b"), name: "b.bn", residual: a)
      return graph.norm(graph.branch(b, "c"), name: "bn", prelu: "prelu", residual: x)
    },
    SmallNetwork("dropout beside a branch") { x, graph in
      let dropped = graph.dropout(x, probability: 0.4)
      let y = graph.norm(graph.branch(x, "a"), name: "a.bn", residual: dropped)
      return graph.dropout(y, probability: 0.2)
    },
    SmallNetwork("dropout after a branch") { x, graph in
      let y = graph.norm(graph.branch(x, "a"), name: "a.bn")
      let dropped = graph.dropout(x, probability: 0.4)
      return graph.norm(dropped, name: "bn", relu: true, residual: y)
    },
    SmallNetwork("pools and strides beside each other") { x, graph in
      let a = graph.maxPool(x, window: 3, stride: 2, padding: 1)
      let b = graph.convolution(
        x, name: "b", channels: 8, kernel: 3, stride: 2, initializer: initializer)
      let c = graph.convolution(
        x, name: "c", channels: 8, kernel: 1, stride: 2, initializer: initializer)
      let d = graph.norm(b, name: "b.bn", relu: true, residual: a)
      return graph.norm(c, name: "c.bn", residual: d)
    },
    SmallNetwork("concatenation of four branches") { x, graph in
      var joined = graph.concatenation(MapShape(height: 3, width: 2, channels: 35))
      func conv(_ channels: Int, _ name: String) -> Value {
        graph.convolution(
          x, name: name, channels: channels, kernel: 3, stride: 2, initializer: initializer)
      }
      _ = graph.biasReLU(conv(8, "a"), name: "a", into: joined.next(8))
      _ = graph.norm(conv(11, "b"), name: "b.bn", relu: true, into: joined.next(11))
      _ = graph.maxPool(x, window: 3, stride: 2, padding: 1, into: joined.next(8))
      _ = graph.l2Pool(x, window: 3, stride: 2, padding: 1, into: joined.next(8))
      return joined.value
    },
    SmallNetwork("concatenation of concatenations") { x, graph in
      var x = x
      for name in ["a", "b"] {
        let channels = x.shape.channels
        var joined = graph.concatenation(
          MapShape(height: 5, width: 4, channels: 5 + channels + 6))
        let y = graph.convolution(
          x, name: name, channels: 5, kernel: 1, initializer: initializer)
        _ = graph.norm(y, name: name + ".bn", into: joined.next(5))
        _ = graph.l2Pool(x, window: 3, stride: 1, padding: 1, into: joined.next(channels))
        let pooled = graph.maxPool(x, window: 3, stride: 1, padding: 1)
        let z = graph.convolution(
          pooled, name: name + ".projection", channels: 6, kernel: 1, initializer: initializer)
        _ = graph.biasReLU(z, name: name + ".projection", into: joined.next(6))
        x = joined.value
      }
      return x
    },
    SmallNetwork("residual into a concatenation") { x, graph in
      var joined = graph.concatenation(MapShape(height: 5, width: 4, channels: 16))
      for name in ["a", "b"] {
        let y = graph.branch(x, name)
        _ = graph.norm(
          y, name: name + ".bn", relu: true, residual: x, into: joined.next(8))
      }
      return joined.value
    },
    SmallNetwork("heads of one map") { x, graph in
      let a = graph.linear(x, name: "a", outputs: 8)
      let b = graph.globalAveragePool(x)
      let c = graph.linear(x, name: "c", outputs: 8)
      let d = graph.norm(a, name: "a.bn", residual: b)
      return graph.norm(c, name: "c.bn", residual: d)
    },
  ]

  /// What is done to single elements, together and apart.
  private static let elementwise = [
    SmallNetwork("ReLU") { $1.relu($0) },
    SmallNetwork("PReLU") { $1.prelu($0, name: "prelu") },
    SmallNetwork("bias") { $1.bias($0, name: "bias") },
    SmallNetwork("bias and PReLU") { x, graph in
      let y = graph.bias(x, name: "bias")
      return graph.prelu(y, name: "prelu")
    },
    SmallNetwork("scale") { $1.scale($0, by: 0.7) },
    SmallNetwork("sum") { x, graph in
      let (a, b) = (graph.branch(x, "a"), graph.branch(x, "b"))
      return graph.add(a, b)
    },
    SmallNetwork("sum with ReLU") { x, graph in
      let (a, b) = (graph.branch(x, "a"), graph.branch(x, "b"))
      return graph.relu(graph.add(a, b))
    },
    SmallNetwork("scaled sum with PReLU") { x, graph in
      let y = graph.bias(graph.branch(x, "a"), name: "a")
      return graph.prelu(graph.add(graph.scale(y, by: 0.4), x), name: "prelu")
    },
    SmallNetwork("sum of a map with itself") { $1.add($0, $0) },
    SmallNetwork("sum of a map with itself and PReLU") { x, graph in
      graph.prelu(graph.add(x, x), name: "prelu")
    },
    SmallNetwork("sum of the shortcut and batch norm") { x, graph in
      let y = graph.norm(graph.branch(x, "a"), name: "bn")
      return graph.relu(graph.add(x, y))
    },
    SmallNetwork("sum of batch norm and what it reads") { x, graph in
      let y = graph.norm(x, name: "bn")
      return graph.relu(graph.add(y, x))
    },
    SmallNetwork("sum of batch norm and what comes after it") { x, graph in
      let y = graph.norm(graph.branch(x, "a"), name: "bn")
      return graph.add(y, graph.branch(x, "b"))
    },
    SmallNetwork("batch norm that is read twice") { x, graph in
      let y = graph.norm(graph.branch(x, "a"), name: "bn")
      let z = graph.relu(y)
      return graph.add(z, y)
    },
    SmallNetwork("bias that is read twice") { x, graph in
      let y = graph.bias(x, name: "bias")
      return graph.add(graph.relu(y), graph.prelu(y, name: "prelu"))
    },
    SmallNetwork("sums in a row") { x, graph in
      let (a, b) = (graph.branch(x, "a"), graph.branch(x, "b"))
      return graph.add(graph.add(graph.norm(a, name: "bn"), b), x)
    },
    SmallNetwork("scaled residual into a concatenation") { x, graph in
      var joined = graph.concatenation(MapShape(height: 5, width: 4, channels: 24))
      for (name, isLinear) in [("a", true), ("b", false)] {
        let y = graph.bias(graph.branch(x, name), name: name)
        let scaled = graph.scale(y, by: 0.4)
        if isLinear {
          _ = graph.add(scaled, x, into: joined.next(8))
        } else {
          _ = graph.relu(graph.add(scaled, x), into: joined.next(8))
        }
      }
      _ = graph.prelu(x, name: "prelu", into: joined.next(8))
      return joined.value
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

extension Graph {
  /// Batch norm, what is added to it, and an activation.
  fileprivate mutating func norm(
    _ x: Value, name: String, prelu: String? = nil, relu: Bool = false, residual: Value? = nil,
    fixedScale: Bool = false, into range: ChannelRange? = nil
  ) -> Value {
    let isLast = prelu == nil && !relu
    var y = batchNorm(
      x, name: name, fixedScale: fixedScale, into: isLast && residual == nil ? range : nil)
    if let residual { y = add(y, residual, into: isLast ? range : nil) }
    if let prelu { y = self.prelu(y, name: prelu, into: range) }
    return relu ? self.relu(y, into: range) : y
  }

  fileprivate mutating func biasReLU(
    _ x: Value, name: String, into range: ChannelRange? = nil
  ) -> Value {
    let y = bias(x, name: name)
    return relu(y, into: range)
  }

  fileprivate mutating func scaledResidual(
    _ x: Value, name: String, scale factor: Float, residual: Value, rectifies: Bool,
    biasInitializer: Initializer
  ) -> Value {
    let y = bias(x, name: name, initializer: biasInitializer)
    let sum = add(scale(y, by: factor), residual)
    return rectifies ? relu(sum) : sum
  }

  /// A convolution that keeps the shape.
  fileprivate mutating func branch(_ x: Value, _ name: String) -> Value {
    convolution(
      x, name: name, channels: x.shape.channels, kernel: 3, initializer: SmallNetwork.initializer)
  }
}
