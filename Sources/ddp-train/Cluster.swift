internal import ArgumentParser
private import Interchange
internal import Tasks

struct Cluster: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cluster",
    abstract: "Puts photos of the same people together.",
    discussion: """
      Clusters whose photos are nearer than the threshold on average become one. Where the folder
      holds person/photo.jpg, the clusters are scored by the folders.

      EXAMPLES
        ddp-train cluster runs/lfw album --html album.html
        ddp-train cluster runs/lfw phone --detector yunet.onnx --html album.html
        ddp-train cluster runs/lfw album --method k-means --clusters 20 --csv album.csv
        ddp-train cluster --embeddings faces.npy --names faces.txt --threshold 1.0
      """)

  @Argument(
    help: "A checkpoint file or a run folder, then a folder of photos.", completion: .file(),
    transform: UserPath.read)
  var words: [String] = []

  @Option(
    help: ArgumentHelp(
      ClusterMethod.allCases.map(\.rawValue).joined(separator: " or ") + ".",
      valueName: "method"))
  var method = ClusterMethod.averageLinkage

  @Option(
    help: ArgumentHelp(
      "How many clusters to make, in place of the threshold.", valueName: "n"))
  var clusters: Int?

  @Option(help: ArgumentHelp("Seed of k-means.", valueName: "n"))
  var seed: UInt64?

  @Option(
    help: ArgumentHelp("A page with the pictures of the clusters to write.", valueName: "file"),
    completion: .file(extensions: ["html"]),
    transform: UserPath.read)
  var html: String?

  @Option(
    help: ArgumentHelp("A list of photos and their clusters to write.", valueName: "file"),
    completion: .file(extensions: ["csv"]),
    transform: UserPath.read)
  var csv: String?

  @OptionGroup var faces: FaceArguments

  func validate() throws {
    try Checks.positive(clusters, "--clusters")
    if clusters != nil, faces.threshold != nil {
      throw ValidationError("--clusters and --threshold both say where to stop; remove one")
    }
    if method != .kMeans, seed != nil {
      throw ValidationError("--seed has no meaning without --method k-means; remove it")
    }
    if method == .kMeans, clusters == nil {
      throw ValidationError("--method k-means needs --clusters N")
    }
    _ = try request()
  }

  private func request() throws -> ClusterRequest {
    let isStored = faces.stored.embeddings != nil
    let (options, folder) = try faces.resolve(
      words, leaving: isStored ? 0...1 : 1...1, called: "one folder of photos")
    var request = ClusterRequest(options, photos: folder.first ?? "")
    request.method = method
    request.clusterCount = clusters
    if let seed { request.seed = seed }
    request.html = html
    request.csv = csv
    return request
  }

  func run() throws {
    let request = try self.request()
    let code = Dispatch.task { try request.answer(over: $0) }
    if code != 0 { throw ExitCode(code) }
  }
}

extension ClusterMethod: ExpressibleByArgument {}
