internal import Interchange

/// A detector of faces and their five points: YuNet by its ONNX file, or MTCNN by the folder of its
/// three networks, both of which a user names.
package final class FaceDetector: Sendable {
  /// The file or the folder that it is of.
  package let path: String
  /// A hash of what decides what it finds.
  package let hash: UInt64
  private let network: Network

  private enum Network {
    case yuNet(YuNet)
    case mtcnn(MTCNN)
  }

  /// Reads the file or the folder at `path`; throws `InterchangeError`, also for the network of
  /// something else.
  package init(path: String) throws {
    self.path = path
    if FilePlace.isFolder(path) {
      let mtcnn = try MTCNN(folder: path)
      (hash, network) = (mtcnn.hash, .mtcnn(mtcnn))
      return
    }
    if (try? TensorFiles.kind(of: path)) == .pyTorch {
      throw InterchangeError.foreign(
        path: path,
        reason: "is a file of PyTorch: of MTCNN name the folder that holds "
          + MTCNN.fileNames.joined(separator: ", "))
    }
    let yuNet = try YuNet(path: path)
    (hash, network) = (yuNet.hash, .yuNet(yuNet))
  }

  /// The files of the detector at `path`: itself, or those in its folder.
  package static func files(of path: String) -> [String] {
    FilePlace.isFolder(path) ? MTCNN.fileNames.map { path + "/" + $0 } : [path]
  }

  /// The least score of a face where nothing else is said: 0.6 of YuNet, as OpenCV takes it, and
  /// 0.7 of MTCNN, as facenet-pytorch does.
  package var usualScore: Double {
    switch network {
    case .yuNet: 0.6
    case .mtcnn: 0.7
    }
  }

  /// What finds the faces that it is at least `score` sure of.
  func search(score: Double) -> any PhotoSearch {
    switch network {
    case .yuNet(let yuNet): YuNetFinder(yuNet, score: score)
    case .mtcnn(let mtcnn): MTCNNFinder(mtcnn, score: score)
    }
  }
}
