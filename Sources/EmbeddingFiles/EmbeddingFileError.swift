/// What is wrong with a file of embeddings, or with embeddings for a file.
package enum EmbeddingFileError: Error, CustomStringConvertible {
  case namesAndRows(names: Int, rows: Int, first: String)
  case notTwoDimensional(path: String, shape: [Int])
  case noNames(path: String)
  case unknownForm(path: String)
  case notInBytes(count: Int)
  case notInHalves(count: Int)
  case nameOfSeveralLines(name: String)
  case severalMatrices(path: String, names: [String])
  case ownNamesAndRows(path: String, names: Int, rows: Int)
  case namesTwice(path: String)

  package var description: String {
    switch self {
    case .namesAndRows(let names, let rows, let first):
      "\(names) names for \(rows) embeddings; --names has one line for each row of --embeddings"
        + (names == rows + 1 ? "; its line 1, '\(first)', looks like a title: take it away" : "")
    case .notTwoDimensional(let path, let shape):
      "\(path) has shape \(shape); embeddings are [photos, dimension]"
    case .noNames(let path): "\(path) has no names in it; give --names FILE.txt, one a line"
    case .unknownForm(let path): "'\(path)' ends in none of .npy, .npz and .csv"
    case .notInBytes(let count):
      "\(count) photos have no embedding, which bytes cannot say; repair or remove them, or leave "
        + "out --int8"
    case .notInHalves(let count):
      "\(count) numbers of the embeddings are beyond 65504, the largest of 16 bits; leave out --fp16"
    case .nameOfSeveralLines(let name):
      "'\(name.split(whereSeparator: \.isNewline).joined(separator: "\\n"))' has a line end, and the "
        + "names beside a .npy file stand one a line; write a .npz or .csv file, or rename the photo"
    case .severalMatrices(let path, let names):
      "\(path) holds " + names.prefix(8).map { "'\($0)'" }.joined(separator: ", ")
        + (names.count > 8 ? " and \(names.count - 8) more" : "")
        + ", and nothing says which are the embeddings; call a matrix [photos, dimension] "
        + "'embeddings', or leave vectors of one length alone"
    case .ownNamesAndRows(let path, let names, let rows):
      "\(path) has \(names) names in it for \(rows) embeddings; it takes one for each"
    case .namesTwice(let path):
      "--names: \(path) has names of its own, and they are others; remove --names"
    }
  }
}
