/// An inception module (Szegedy et al. 2015) by the columns of FaceNet's table 2: four branches of
/// one map, joined by channels.
struct InceptionModule: Sendable {
  let name: String
  /// Outputs of the 1x1 branch; 0 for none.
  let one: Int
  /// Outputs of the 1x1 convolution before the 3x3 one, and its own.
  let threeReduce, three: Int
  /// The same of the 5x5 branch; 0 for none.
  let fiveReduce, five: Int
  let pool: ModelOptions.Pooling
  /// Outputs of the 1x1 convolution after the pooling; 0 passes the pooled map on.
  let projection: Int
  let stride: Int

  init(
    _ name: String, _ one: Int, _ threeReduce: Int, _ three: Int, _ fiveReduce: Int, _ five: Int,
    _ pool: ModelOptions.Pooling, _ projection: Int, stride: Int = 1
  ) {
    self.name = name
    self.one = one
    self.threeReduce = threeReduce
    self.three = three
    self.fiveReduce = fiveReduce
    self.five = five
    self.pool = pool
    self.projection = projection
    self.stride = stride
  }

  /// The module without its 5x5 branch.
  var withoutFive: InceptionModule {
    InceptionModule(name, one, threeReduce, three, 0, 0, pool, projection, stride: stride)
  }

  /// Books the module's layers, which read `x`; returns the joined map.
  func build(_ x: Value, _ blocks: FaceNetBlocks, in graph: inout Graph) -> Value {
    let options = blocks.options
    func width(_ channels: Int) -> Int { channels == 0 ? 0 : options.channels(channels) }
    let passed = projection == 0 ? x.shape.channels : width(projection)
    let map = x.shape.pooled(window: 3, stride: stride, padding: 1)
    var joined = graph.concatenation(
      MapShape(
        height: map.height, width: map.width,
        channels: width(one) + width(three) + width(five) + passed))
    func conv(
      _ x: Value, _ part: String, _ channels: Int, _ kernel: Int, _ stride: Int = 1,
      gain: Double = 1, into range: ChannelRange? = nil
    ) -> Value {
      blocks.convolution(
        x, name: "\(name).\(part)", channels: channels, kernel: kernel, stride: stride,
        gain: gain, into: range, in: &graph)
    }
    if one > 0 { _ = conv(x, "conv1x1", one, 1, into: joined.next(width(one))) }
    let reduced = conv(x, "reduce3x3", threeReduce, 1)
    _ = conv(reduced, "conv3x3", three, 3, stride, into: joined.next(width(three)))
    if five > 0 {
      let reduced = conv(x, "reduce5x5", fiveReduce, 1)
      _ = conv(reduced, "conv5x5", five, 5, stride, into: joined.next(width(five)))
    }
    let pool = options.pooling ?? self.pool
    if projection > 0 {
      let pooled = blocks.pool(x, pool, stride: stride, in: &graph)
      // The root of a sum over nine values, not of their mean, is three times as large.
      _ = conv(
        pooled, "projection", projection, 1, gain: pool == .l2 ? 3 : 1, into: joined.next(passed))
    } else {
      _ = blocks.pool(x, pool, stride: stride, into: joined.next(passed), in: &graph)
    }
    return joined.value
  }
}
