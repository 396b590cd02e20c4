import Foundation
import Networks
import Testing
import TestSupport

/// Whole networks against PyTorch's float64: scripts/golden/networks.py.
@Suite struct GoldenNetworkTests {
  struct Golden: Decodable, Sendable, CustomTestStringConvertible {
    let model: String
    let imageSize: Int
    /// Where the image is no square, `imageSize` is its height.
    let imageWidth: Int?
    let batchNorm: Bool?
    let pooling: String?
    let width: Double
    let rows: Int
    let embedding: Int
    /// [rows, embedding].
    let training, inference: [Double]
    let loss: Double
    /// By tensor: norm, product with the formula of its name, first element.
    let gradients: [String: [Double]]
    /// By batch norm: the same of the mean, then of the unbiased variance.
    let moments: [String: [Double]]

    var testDescription: String { "\(model) at \(imageSize)" }

    var image: MapShape {
      MapShape(height: imageSize, width: imageWidth ?? imageSize, channels: 3)
    }
  }

  static let goldens: [Golden] = {
    let file = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "Golden/networks.json")
    do {
      return try JSONDecoder().decode([Golden].self, from: Data(contentsOf: file))
    } catch {
      fatalError("\(file.path()): \(error)")
    }
  }()

  private static func run(_ golden: Golden) throws -> NetworkRun {
    let model = try #require(Models.model(named: golden.model))
    let network = model.network(
      image: golden.image, maximumRows: golden.rows + 2,
      options: ModelOptions(
        embedding: golden.embedding, width: golden.width, batchNorm: golden.batchNorm,
        pooling: golden.pooling.flatMap { ModelOptions.Pooling(rawValue: $0) }))
    let run = NetworkRun(network, rows: golden.rows)
    run.fillWithNumbers()
    // The formula numbers the images [rows, 3, H, W].
    let planar = run.images
    let pixels = golden.image.pixels
    for row in 0..<golden.rows {
      for channel in 0..<3 {
        for pixel in 0..<pixels {
          run.images[(row * pixels + pixel) * 3 + channel] =
            planar[(row * 3 + channel) * pixels + pixel]
        }
      }
    }
    return run
  }

  @Test func fourteenNetworksAreStored() { #expect(Self.goldens.count == 14) }

  @Test(arguments: goldens)
  func inferenceEqualsPyTorch(golden: Golden) throws {
    let run = try Self.run(golden)
    run.run(.inference)
    #expect(worstError(run.output, golden.inference) < 1e-5)
  }

  @Test(arguments: goldens)
  func trainingEqualsPyTorch(golden: Golden) throws {
    let run = try Self.run(golden)
    let coefficients = Formula.numbers("loss", golden.training.count).map { Float($0) }
    run.run(.training, outputGradient: coefficients)
    #expect(worstError(run.output, golden.training) < 1e-4)
    let loss = dotProduct(doubles(run.output), doubles(coefficients))
    #expect(abs(loss - golden.loss) < 1e-4 * abs(golden.loss))
    compareGradients(run, golden)
    compareMoments(run, golden)
  }

  private func compareGradients(_ run: NetworkRun, _ golden: Golden) {
    #expect(Set(run.network.parameters.map(\.name)) == Set(golden.gradients.keys))
    // Gradients that vanish (what feeds nothing but batch norms has no use for a bias) are
    // rounding.
    let norms = golden.gradients.values.map { $0[0] }.sorted()
    let floor = 1e-2 * norms[norms.count / 2]
    for entry in run.network.parameters {
      guard let expected = golden.gradients[entry.name] else { continue }
      let tolerance = 1e-3 * max(expected[0], floor)
      let actual = digest(run.logical(entry, of: run.gradient), entry.name)
      for (a, e) in zip(actual, expected) {
        #expect(abs(a - e) < tolerance, "\(entry.name): \(actual), expected \(expected)")
      }
    }
  }

  private func compareMoments(_ run: NetworkRun, _ golden: Golden) {
    #expect(Set(run.network.statistics.map(\.name)) == Set(golden.moments.keys))
    for entry in run.network.statistics {
      guard let expected = golden.moments[entry.name] else { continue }
      let count = Double(golden.rows * entry.pixels)
      let means = doubles(Array(run.batchMoments[entry.means]))
      let variances = run.batchMoments[entry.variances].map { Double($0) * count / (count - 1) }
      let deviation = variances.reduce(0, +).squareRoot()
      let tolerances = [deviation, expected[3]].flatMap { Array(repeating: 2e-5 * $0, count: 3) }
      let actual = digest(means, entry.name) + digest(variances, entry.name)
      for ((a, e), tolerance) in zip(zip(actual, expected), tolerances) {
        #expect(abs(a - e) < tolerance, "\(entry.name): \(actual), expected \(expected)")
      }
    }
  }

  /// Norm, product with the formula of `name`, first element.
  private func digest(_ values: [Double], _ name: String) -> [Double] {
    let product = dotProduct(values, Formula.numbers("digest " + name, values.count))
    return [dotProduct(values, values).squareRoot(), product, values[0]]
  }
}
