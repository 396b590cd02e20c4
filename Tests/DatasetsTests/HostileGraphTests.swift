import CAllocations
import Datasets
import Detection
import Foundation
import Inference
import Interchange
import Testing

/// Sound ONNX files whose graphs are not what they seem: of a few bytes, and refused before they
/// read, compute or hold what they should not.
@Suite struct HostileGraphTests {
  private let folder = TemporaryFolder()

  private func file(_ graph: GraphFile) -> String { folder.write("g.onnx", graph.bytes) }

  /// What a detector of `graph` says: on its own, and on a photo.
  private func complaint(
    _ graph: GraphFile, width: Int? = nil, height: Int? = nil
  ) throws -> String {
    let path = file(graph)
    return try said {
      let detector = try FaceDetector(path: path)
      guard let width, let height else { return }
      let photo = PixelBuffer(width: width, height: height)
      _ = try FaceFinder(detector, score: 0.9).faces(on: photo)
    }
  }

  /// What planning `graph` for an image of a size says.
  private func plan(
    _ graph: GraphFile, height: Int = 64, width: Int = 96, mostBytes: Int = 1 << 31
  ) throws -> String {
    let path = file(graph)
    return try said {
      let graph = try InferenceGraph(try ONNXFile(path: path))
      _ = try GraphRunner(graph, height: height, width: width, mostBytes: mostBytes)
    }
  }

  private func said(_ body: () throws -> Void) throws -> String {
    do {
      try body()
      return ""
    } catch let error as InterchangeError {
      let text = "\(error)"
      #expect(!text.contains(where: \.isNewline) && text.utf8.count < 6000)
      return text
    }
  }

  // MARK: Shapes

  /// A box of 96 cells at any size is that of an image of 96x64 alone.
  @Test func outputsThatDoNotGrowWithThePhotoAreRefused() throws {
    var fixed = GraphFile.detector(without: ["bbox_8", "kps_8"])
    for (name, count) in [("bbox", 4), ("kps", 10)] {
      fixed.head(name, count, stride: 8) { graph, value in
        graph.integers("size.\(name)", [1, count, 8, 12])
        graph.node("Resize", [value, "", "", "size.\(name)"], "large.\(name)")
        return "large.\(name)"
      }
    }
    let plain = GraphFile.detector()
    for (width, height) in [(96, 64), (384, 256), (33, 1)] {
      #expect(try complaint(plain, width: width, height: height) == "")
    }
    #expect(try complaint(fixed) == "")
    #expect(try complaint(fixed, width: 96, height: 64) == "")
    let found = try complaint(fixed, width: 384, height: 256)
    #expect(
      found.contains(
        "its output 'bbox_8' is [1, 96, 4] of an image of 384x256, where YuNet's is [1, 1536, 4]"),
      "\(found)")
  }

  /// Buffers of other counts than the cells have are told apart before they are read.
  @Test func numbersOfOtherCellsAreMisuse() async {
    await #expect(processExitsWith: .failure) { Self.decode(objects: 5, boxes: 24, points: 60) }
    await #expect(processExitsWith: .failure) { Self.decode(objects: 6, boxes: 23, points: 60) }
    await #expect(processExitsWith: .failure) { Self.decode(objects: 6, boxes: 24, points: 59) }
    await #expect(processExitsWith: .success) {
      Self.decode(objects: 6, boxes: 24, points: 60)
      exit(0)
    }
  }

  /// Six cells that are no faces, with so many numbers beside them.
  private static func decode(objects: Int, boxes: Int, points: Int) {
    func buffer(_ count: Int) -> UnsafeBufferPointer<Float> {
      let floats = UnsafeMutableBufferPointer<Float>.allocate(capacity: count)
      floats.initialize(repeating: 1)
      return UnsafeBufferPointer(floats)
    }
    _ = YuNet.decode(
      classes: buffer(6), objects: buffer(objects), boxes: buffer(boxes), points: buffer(points),
      columns: 3, stride: 8, score: 2)
  }

  @Test(arguments: [Int.max - 63, Int.min, Int.min + 64, 0, -64, 64 * 17])
  func sizesThatAreNoFactorAreRefused(size: Int) throws {
    var graph = GraphFile()
    graph.integers("sizes", [1, 3, size, 1])
    graph.node("Resize", ["x", "", "", "sizes"], "y")
    let found = try plan(graph)
    #expect(found.contains("is no whole factor"), "\(found)")
  }

  /// Pads widen a map by 128 at every convolution.
  @Test func mapsThatGrowWithoutEndAreRefused() throws {
    var graph = GraphFile()
    graph.floats("w", [2, 2, 1, 1])
    graph.floats("first", [2, 3, 1, 1])
    graph.node("Conv", ["x", "first"], "c0")
    for i in 0..<600 {
      graph.node(
        "Conv", ["c\(i)", "w"], i == 599 ? "y" : "c\(i + 1)",
        ["pads": .integers([64, 64, 64, 64]), "strides": .integers([1, 1])])
    }
    graph.padding = 1 << 20
    // Sides end, or else memory.
    let found = try plan(graph, height: 1, width: 1, mostBytes: 1 << 60)
    #expect(found.contains("sides end at 65536"), "\(found)")
    #expect(try plan(graph, height: 1, width: 1).contains("2048 MiB are given"))
  }

  // MARK: Memory

  /// What `body` holds at most, of blocks that are counted.
  private func held(_ body: () throws -> Void) rethrows -> Int {
    callocations_watch()
    try body()
    return Int(callocations_most_held())
  }

  @Test func weightsThatManyNodesNameAreKeptOnce() throws {
    for (isDepthwise, hasBias) in [(false, false), (true, false), (false, true)] {
      var graph = GraphFile()
      let shape = isDepthwise ? [65_536, 1, 1, 1] : [22_000, 3, 1, 1]
      graph.floats("w", shape)
      graph.floats("b", [shape[0]])
      for i in 0..<300 {
        graph.node(
          "Conv", ["x", "w"] + (hasBias ? ["b"] : []), i == 0 ? "y" : "c\(i)",
          ["group": .integer(isDepthwise ? shape[0] : 1)])
      }
      let (path, count) = (file(graph), graph.bytes.count)
      let most = try held { _ = try InferenceGraph(try ONNXFile(path: path)) }
      #expect(most < 6 * count, "\(most) bytes of a file of \(count)")
    }
  }

  /// One tensor of whole numbers, gathered again and again, and read as what it is.
  @Test func wholeNumbersAreShapesAlone() throws {
    var gathering = GraphFile()
    gathering.small("many", [UInt8](repeating: 0, count: 1 << 16))
    gathering.integers("v", [1, 1, 1, 1])
    gathering.node("Gather", ["v", "many"], "g0")
    for i in 0..<200 { gathering.node("Gather", ["g\(i)", "many"], "g\(i + 1)") }
    gathering.node("Relu", ["x"], "y")
    var doubling = GraphFile()
    doubling.integers("v", [Int](repeating: 1, count: 32))
    for i in 0..<30 {
      let last = i == 0 ? "v" : "j\(i)"
      doubling.node("Concat", [last, last], "j\(i + 1)", ["axis": .integer(0)])
    }
    doubling.node("Relu", ["x"], "y")
    for (graph, words) in [
      (gathering, "65536 whole numbers [65536]; graphs compute with 64 in a row at most"),
      (doubling, "it is not computed of [64], [64]"),
    ] {
      let count = graph.bytes.count
      var found = ""
      let most = try held { found = try plan(graph) }
      #expect(found.contains(words), "\(found)")
      #expect(most < 4 * count + (1 << 20), "\(most) bytes of a file of \(count)")
    }
  }

  /// A file has room for more nodes than are computed, if it is long enough.
  @Test func endlessGraphsAreRefused() throws {
    var graph = GraphFile()
    for i in 0..<5000 {
      graph.node("Sigmoid", [i == 0 ? "x" : "s\(i)"], i == 4999 ? "y" : "s\(i + 1)")
    }
    graph.padding = 2 << 20
    let found = try plan(graph)
    #expect(found.contains("more than 4096 operations are not computed"), "\(found)")
  }

  /// An image of 12,288 floats, a map of 11,907 (in whole lines 11,920), and a byte for each of the
  /// map.
  @Test func allMemoryIsCounted() throws {
    var graph = GraphFile()
    graph.node("MaxPool", ["x"], "y", ["kernel_shape": .integers([2, 2])])
    let floats = 12_288 + 11_920
    #expect(try plan(graph, height: 64, width: 64, mostBytes: 4 * floats + 11_908) == "")
    for bytes in [4 * floats + 11_900, 4 * floats, 0] {
      let found = try plan(graph, height: 64, width: 64, mostBytes: bytes)
      #expect(found.contains("MiB are given"), "\(found)")
    }
  }

  /// 2 GiB are a finder's, which keeps four sizes.
  @Test func aFinderSharesItsMemoryAmongSizes() throws {
    var graph = GraphFile.detector()
    graph.floats("wide", [512, 3, 1, 1])
    graph.node("Conv", ["x", "wide"], "unused")
    #expect(try complaint(graph, width: 96, height: 64) == "")
    let found = try complaint(graph, width: 640, height: 640)
    #expect(found.contains("800 MiB for this image; 512 MiB are given"), "\(found)")
  }

  @Test func imagesOfManyChannelsAreRefusedBeforeTheyTakeMemory() throws {
    var graph = GraphFile.detector()
    graph.input = ["N", "65536", "H", "W"]
    #expect(try complaint(graph).contains("an image of 65536 channels; YuNet takes 3"))
  }

  // MARK: Nodes

  @Test func attributesThatAreNotLookedAtAreRefused() throws {
    func one(
      _ operation: String, _ inputs: [String], _ attributes: [String: GraphFile.Attribute]
    ) throws -> String {
      var graph = GraphFile()
      graph.floats("w", [1, 3, 1, 1])
      graph.floats("scales", [4], values: [1, 1, 2, 2])
      graph.integers("sides", [1, -1, 3])
      graph.node(operation, inputs, operation == "Shape" ? "shape" : "y", attributes)
      if operation == "Shape" { graph.node("Relu", ["x"], "y") }
      return try plan(graph)
    }
    let (conv, resize) = (["x", "w"], ["x", "", "scales"])
    #expect(try one("Conv", conv, ["group": .integer(1), "auto_pad": .text("NOTSET")]) == "")
    #expect(
      try one(
        "Resize", resize,
        [
          "mode": .text("nearest"), "antialias": .integer(0), "cubic_coeff_a": .float(-0.75),
          "keep_aspect_ratio_policy": .text("stretch"),
          "coordinate_transformation_mode": .text("half_pixel"),
        ]) == "")
    #expect(try one("Shape", ["x"], ["start": .integer(0)]) == "")
    let refused: [(String, [String], [String: GraphFile.Attribute], String)] = [
      ("Shape", ["x"], ["end": .integer(0)], "its attribute 'end' is not computed"),
      ("Shape", ["x"], ["start": .integer(1)], "its attribute 'start' is not computed"),
      ("Relu", ["x"], ["alpha": .integer(0)], "its attribute 'alpha' is not computed"),
      ("Conv", conv, ["activation": .text("Relu")], "its attribute 'activation' is not computed"),
      ("Conv", conv, ["group": .float(3)], "its attribute 'group' is no whole number"),
      ("Conv", conv, ["strides": .integer(2)], "'strides' is no list of whole numbers"),
      ("Conv", conv, ["auto_pad": .integer(1)], "'auto_pad' is no text"),
      ("Resize", resize, ["axes": .integers([2, 3])], "its attribute 'axes' is not computed"),
      ("Resize", resize, ["antialias": .integer(1)], "its attribute 'antialias' is not computed"),
      (
        "Resize", resize, ["keep_aspect_ratio_policy": .text("not_larger")],
        "its attribute 'keep_aspect_ratio_policy' is not computed"
      ),
    ]
    for (operation, inputs, attributes, words) in refused {
      let found = try one(operation, inputs, attributes)
      #expect(found.contains(words), "\(found)")
    }
    // Lists of any length are told in a few words.
    let pads = [Int](repeating: 1, count: 1000)
    #expect(try one("Conv", conv, ["pads": .integers(pads)]).contains("and 992 more"))
  }

  @Test func noNameIsTwoValues() throws {
    var image = GraphFile()
    image.node("Relu", ["x"], "x")
    image.node("Sigmoid", ["x"], "y")
    #expect(try plan(image).contains("'x' is the image, which is not computed"))
    var fused = GraphFile()
    fused.floats("w", [1, 3, 1, 1])
    fused.node("Conv", ["x", "w"], "c")
    fused.node("Relu", ["c"], "x")
    fused.node("Sigmoid", ["x"], "y")
    #expect(try plan(fused).contains("'x' is the image, which is not computed"))
    var constant = GraphFile()
    constant.node("Relu", ["x"], "v")
    constant.constant("v", [1, -1, 3])
    constant.node("Relu", ["v"], "y")
    #expect(try plan(constant).contains("'v' is computed twice"))
    var later = GraphFile()
    later.constant("v", [1, -1, 3])
    later.node("Relu", ["x"], "v")
    later.node("Relu", ["v"], "y")
    #expect(try plan(later).contains("'v' is computed twice"))
  }
}

/// An ONNX file as it is put together field by field (onnx.proto), sound or not.
struct GraphFile {
  enum Attribute {
    case integer(Int), integers([Int]), float(Float), text(String)
  }

  /// Dimensions of the image 'x', by number or by name.
  var input = ["N", "3", "H", "W"]
  var outputs = ["y"]
  /// Bytes of a field that nobody reads.
  var padding = 0
  private var body: [UInt8] = []

  var bytes: [UInt8] {
    var graph = body + Self.field(2, Self.text("g")) + Self.port(11, "x", input)
    for name in outputs { graph += Self.port(12, name, ["N"]) }
    return Self.number(1, 7) + Self.field(7, graph)
      + Self.field(8, Self.field(1, []) + Self.number(2, 11))
      + (padding > 0 ? Self.field(99, [UInt8](repeating: 0, count: padding)) : [])
  }

  mutating func integers(_ name: String, _ values: [Int]) {
    body += Self.field(5, Self.tensor(name, values))
  }

  /// Whole numbers of a byte each.
  mutating func small(_ name: String, _ values: [UInt8]) {
    body += Self.field(5, Self.tensor(name, [values.count], 3, values))
  }

  mutating func floats(_ name: String, _ shape: [Int], values: [Float]? = nil) {
    let values = values ?? [Float](repeating: 0, count: shape.reduce(1, *))
    body += Self.field(5, Self.tensor(name, shape, 1, values.withUnsafeBytes { Array($0) }))
  }

  mutating func node(
    _ operation: String, _ inputs: [String], _ output: String,
    _ attributes: [String: Attribute] = [:]
  ) {
    var node = inputs.flatMap { Self.field(1, Self.text($0)) }
    node += Self.field(2, Self.text(output)) + Self.field(4, Self.text(operation))
    for (name, value) in attributes {
      node += Self.field(5, Self.field(1, Self.text(name)) + Self.attribute(value))
    }
    body += Self.field(1, node)
  }

  /// A node that gives fixed numbers.
  mutating func constant(_ output: String, _ values: [Int]) {
    let value = Self.field(5, Self.tensor("", values)) + Self.number(20, 4)
    let attribute = Self.field(5, Self.field(1, Self.text("value")) + value)
    body += Self.field(
      1, Self.field(2, Self.text(output)) + Self.field(4, Self.text("Constant")) + attribute)
  }

  // MARK: Detectors

  /// A detector with YuNet's outputs that finds nothing, but those that are left out.
  static func detector(without missing: Set<String> = []) -> GraphFile {
    var graph = GraphFile()
    graph.outputs = []
    for (name, count) in [("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)] {
      for stride in [8, 16, 32] {
        graph.outputs.append("\(name)_\(stride)")
        if !missing.contains("\(name)_\(stride)") { graph.head(name, count, stride: stride) }
      }
    }
    return graph
  }

  /// The output `name` of a grid of `stride` pixels, of a convolution of the image that `change`
  /// may make something else of, which then is one of 32 pixels.
  mutating func head(
    _ name: String, _ count: Int, stride: Int,
    _ change: ((inout GraphFile, String) -> String)? = nil
  ) {
    let key = "\(name)_\(stride)"
    let step = change == nil ? stride : 32
    floats("w.\(key)", [count, 3, 1, 1])
    integers("t.\(key)", [1, -1, count])
    node("Conv", ["x", "w.\(key)"], "c.\(key)", ["strides": .integers([step, step])])
    let value = change?(&self, "c.\(key)") ?? "c.\(key)"
    node("Transpose", [value], "l.\(key)", ["perm": .integers([0, 2, 3, 1])])
    node("Reshape", ["l.\(key)", "t.\(key)"], key)
  }

  // MARK: Fields

  private static func text(_ text: String) -> [UInt8] { Array(text.utf8) }

  private static func varint(_ value: Int) -> [UInt8] {
    var (bytes, rest): ([UInt8], UInt64) = ([], UInt64(bitPattern: Int64(value)))
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    return bytes + [UInt8(rest)]
  }

  private static func number(_ field: Int, _ value: Int) -> [UInt8] {
    varint(field << 3) + varint(value)
  }

  private static func field(_ number: Int, _ bytes: [UInt8]) -> [UInt8] {
    varint(number << 3 | 2) + varint(bytes.count) + bytes
  }

  private static func tensor(_ name: String, _ values: [Int]) -> [UInt8] {
    tensor(name, [values.count], 7, values.withUnsafeBytes { Array($0) })
  }

  private static func tensor(
    _ name: String, _ shape: [Int], _ kind: Int, _ raw: [UInt8]
  ) -> [UInt8] {
    shape.flatMap { number(1, $0) } + number(2, kind) + field(8, text(name)) + field(9, raw)
  }

  private static func attribute(_ value: Attribute) -> [UInt8] {
    switch value {
    case .float(let value):
      varint(2 << 3 | 5) + withUnsafeBytes(of: value.bitPattern) { Array($0) } + number(20, 1)
    case .integer(let value): number(3, value) + number(20, 2)
    case .text(let value): field(4, text(value)) + number(20, 3)
    case .integers(let values): values.flatMap { number(8, $0) } + number(20, 7)
    }
  }

  private static func port(_ field: Int, _ name: String, _ shape: [String]) -> [UInt8] {
    let sides = shape.flatMap { side in
      Self.field(1, Int(side).map { number(1, $0) } ?? Self.field(2, text(side)))
    }
    let type = Self.field(1, number(1, 1) + Self.field(2, sides))
    return Self.field(field, Self.field(1, text(name)) + Self.field(2, type))
  }
}
