/// The tensors that the dictionaries of a pickle hold, in the order of the pickle, however deep.
///
/// A tensor is called by its keys with dots between, without the ones that all of them begin with:
/// a checkpoint with one state dict has the names of that, one with several says which is which.
struct TorchDictionaries {
  /// What the root of a pickle may be.
  enum Root {
    /// A dictionary, as state dicts and checkpoints are.
    case dictionary
    /// Also a list, or a tensor by itself, which is called "".
    case anything
  }

  private(set) var names: [String] = []
  private(set) var tensors: [String: TorchTensor] = [:]
  /// Why tensors cannot be read, by their names.
  private(set) var refusals: [String: String] = [:]
  /// Lists of texts, by the last of their keys.
  private(set) var texts: [(key: String, values: [String])] = []
  /// Whether every tensor is an element of a list, and so called by its place in it.
  private(set) var areListed = false
  /// The keys of the root, for a message where there are no tensors.
  private(set) var rootKeys: [String] = []

  private static let depthLimit = 12

  /// Walks through `document`; throws `TorchRefusal` where its root is not as `root` says or none
  /// holds a tensor, `PickleProblem` for a tensor that is not described as torch does.
  init(of document: PickleDocument, root: Root = .dictionary) throws {
    if root == .anything, let tensor = try TorchTensor(document.root, in: document) {
      (names, tensors) = ([""], ["": tensor])
      return
    }
    let isList = root == .anything && document.elements(document.root) != nil
    guard isList || document.pairs(document.root) != nil else {
      let name = document.callee(document.root) ?? "something that is no dictionary"
      throw TorchRefusal(
        message: root == .anything
          ? "a Python object (\(name)) that is neither a tensor nor a list or a dictionary of "
            + "tensors; save one of these"
          : "a whole Python object (\(name)); save model.state_dict() instead of the model")
    }
    var found: [(path: [String], name: String, content: Content)] = []
    var walk = Walk(membersLeft: 8 * document.nodes.count + 1024)
    try Self.collect(document.root, [], document, &walk, &found)
    rootKeys = (document.pairs(document.root) ?? []).compactMap { document.text($0.key) }
    guard !found.isEmpty else {
      throw TorchRefusal(
        message: root == .anything
          ? "no tensor"
          : "no state dict; its keys are "
            + rootKeys.prefix(8).map { "'\($0)'" }.joined(separator: ", "))
    }
    (texts, areListed) = (walk.texts, walk.listedCount == found.count)
    let common = found.dropFirst().reduce(found[0].path[...]) { common, tensor in
      let count = zip(common, tensor.path).prefix { $0 == $1 }.count
      return common.prefix(count)
    }
    for (path, key, content) in found {
      let name = (path.dropFirst(common.count) + [key]).joined(separator: ".")
      if tensors[name] == nil, refusals[name] == nil { names.append(name) }
      (tensors[name], refusals[name]) = (nil, nil)
      switch content {
      case .tensor(let tensor): tensors[name] = tensor
      case .refused(let reason): refusals[name] = reason
      }
    }
  }

  private enum Content {
    case tensor(TorchTensor)
    case refused(String)
  }

  private struct Walk {
    /// The dictionaries that lie around the one that is walked through: one may hold itself.
    var around: Set<PickleDocument.Value> = []
    /// One that stands under two names is walked through for both, so that few may seem to be many.
    var membersLeft: Int
    var texts: [(key: String, values: [String])] = []
    /// Tensors that are elements of lists.
    var listedCount = 0
  }

  private static func collect(
    _ value: PickleDocument.Value, _ path: [String], _ document: PickleDocument,
    _ walk: inout Walk,
    _ found: inout [(path: [String], name: String, content: Content)]
  ) throws {
    guard path.count <= depthLimit, walk.around.insert(value).inserted else { return }
    defer { walk.around.remove(value) }
    if let texts = document.texts(value) {
      walk.texts.append((path.last ?? "", texts))
      return
    }
    let isList = document.pairs(value) == nil
    for (key, inner) in members(of: value, document) {
      walk.membersLeft -= 1
      guard walk.membersLeft > 0 else {
        throw PickleProblem(message: "dictionaries within dictionaries without end")
      }
      do {
        if let tensor = try TorchTensor(inner, in: document) {
          found.append((path, key, .tensor(tensor)))
          if isList { walk.listedCount += 1 }
          continue
        }
      } catch let refusal as TorchRefusal {
        found.append((path, key, .refused(refusal.message)))
        continue
      }
      try collect(inner, path + [key], document, &walk, &found)
    }
  }

  private static func members(
    of value: PickleDocument.Value, _ document: PickleDocument
  ) -> [(key: String, value: PickleDocument.Value)] {
    if let pairs = document.pairs(value) {
      return pairs.compactMap { key, value in
        (document.text(key) ?? document.integer(key).map(String.init)).map { ($0, value) }
      }
    }
    return (document.elements(value) ?? []).enumerated().map { ("\($0)", $1) }
  }
}
