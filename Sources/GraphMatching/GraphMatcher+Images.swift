internal import Interchange
internal import Networks

/// What a graph does to the bytes of its images before all.
extension GraphMatcher {
  /// The value behind what the graph does to the bytes of its images, which must be
  /// `normalization`, nil for that by each image's own mean and deviation; the image itself where
  /// it does nothing.
  mutating func normalized(
    _ image: String, _ normalization: (scale: [Double], offset: [Double])?
  ) throws -> String {
    var (scale, offset) = ([1.0, 1, 1], [0.0, 0, 0])
    var (name, titles): (String, [String]) = (image, [])
    while titles.count < 4, let (node, numbers) = plainArithmetic(on: name) {
      switch view.nodes[node].operation {
      case "Sub": offset = zip(offset, numbers).map { $0 - $1 }
      case "Add": offset = zip(offset, numbers).map { $0 + $1 }
      case "Mul":
        scale = zip(scale, numbers).map { $0 * $1 }
        offset = zip(offset, numbers).map { $0 * $1 }
      default:
        scale = zip(scale, numbers).map { $0 / $1 }
        offset = zip(offset, numbers).map { $0 / $1 }
      }
      titles.append(view.nodes[node].title.brief)
      name = take(node)
    }
    if titles.isEmpty, let standardized = standardized(image) {
      guard normalization == nil else {
        throw InterchangeError.unsupported(
          path: path,
          reason: "a graph that takes each image's own mean and deviation, which is not what "
            + "--normalize makes of it; that would be standardize")
      }
      return standardized
    }
    guard !titles.isEmpty else { return image }
    func isNear(_ one: Double, _ other: Double) -> Bool {
      abs(one - other) <= 2e-6 * abs(other) + 1e-7
    }
    if let normalization, zip(scale, normalization.scale).allSatisfy(isNear),
      zip(offset, normalization.offset).allSatisfy(isNear)
    {
      return name
    }
    throw InterchangeError.unsupported(
      path: path,
      reason: "a graph that normalises its images itself, by \(titles.joined(separator: ", ")): a "
        + "byte x becomes \(Float(scale[0])) x + \(Float(offset[0])), which is not what "
        + "--normalize makes of it")
  }

  /// The node that adds fixed numbers to `value` or multiplies it by them, one a channel of three.
  private func plainArithmetic(on value: String) -> (node: Int, numbers: [Double])? {
    let readers = view.readers(of: value)
    guard readers.count == 1, let node = readers.first,
      ["Sub", "Add", "Mul", "Div"].contains(view.nodes[node].operation),
      view.isNode(node, view.nodes[node].operation), view.nodes[node].inputs.count == 2,
      view.resolved(view.nodes[node].inputs[0]) == value,
      let tensor = view.constant(view.nodes[node].inputs[1]),
      tensor.count == 1 || isPerChannel(tensor, 3, isMap: true),
      let numbers = view.floats(view.nodes[node].inputs[1], atMost: 3)
    else { return nil }
    return (node, (0..<3).map { Double(numbers[numbers.count == 1 ? 0 : $0]) })
  }

  /// The image less its mean, divided by its deviation or 1/sqrt(N) where that is larger, where the
  /// graph computes this of the N numbers of each image; nil where it does not.
  private mutating func standardized(_ image: String) -> String? {
    func reader(_ operation: String, _ inputs: String...) -> Int? {
      view.readers(of: inputs[0]).first { node in
        view.isNode(node, operation)
          && view.nodes[node].inputs.prefix(inputs.count).map(view.resolved) == inputs
      }
    }
    func mean(of value: String) -> Int? {
      guard let node = reader("ReduceMean", value), view.integer(node, "keepdims", else: 1) == 1,
        let axes = view.axes(node), axes.map({ $0 < 0 ? $0 + 4 : $0 }).sorted() == [1, 2, 3]
      else { return nil }
      return node
    }
    guard let first = mean(of: image), case let average = view.output(of: first),
      let difference = reader("Sub", image, average),
      case let centred = view.output(of: difference),
      let product = reader("Mul", centred, centred),
      let second = mean(of: view.output(of: product)),
      let root = reader("Sqrt", view.output(of: second)),
      let most = reader("Max", view.output(of: root)), view.nodes[most].inputs.count == 2,
      let floor = view.floats(view.nodes[most].inputs[1], atMost: 1)?.first,
      let quotient = reader("Div", centred, view.output(of: most))
    else { return nil }
    let shape = network.image.shape
    let least = 1 / Double(shape.height * shape.width * shape.channels).squareRoot()
    guard abs(Double(floor) - least) <= 1e-6 * least else { return nil }
    for node in [first, difference, product, second, root, most] { view.take(node) }
    return take(quotient)
  }
}
