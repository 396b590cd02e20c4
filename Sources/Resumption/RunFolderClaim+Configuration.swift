package import Collectives
package import Configuration
private import Foundation
internal import Networks
package import RunFolders

extension RunFolderClaim {
  /// Takes the folder that `configuration` writes to for all ranks, unless it is a dry run; a
  /// collective. `onWait` and what is thrown are as with a folder that is named.
  package static func take(
    _ configuration: RunConfiguration, communicator: any Communicator,
    onWait: (_ start: Double) throws -> Void = { _ in }
  ) throws -> RunFolderClaim {
    try take(
      configuration.out ?? folder(ofResumed: configuration.resume),
      orFreshWith: configuration.model.name, writes: !configuration.dryRun,
      communicator: communicator, onWait: onWait)
  }

  /// The run folder that a run goes on in which is given by its checkpoint alone: the one that it
  /// lies in; nil where it lies in none.
  private static func folder(ofResumed resume: ResumeMode) -> String? {
    guard case .path(let path) = resume else { return nil }
    func folder(above path: String) -> String {
      guard let cut = path.lastIndex(of: "/") else { return path == "." ? ".." : "." }
      return cut == path.startIndex ? "/" : String(path[..<cut])
    }
    var given = path
    while given.count > 1, given.hasSuffix("/") { given.removeLast() }
    return [given, folder(above: given), folder(above: folder(above: given))].first {
      FileManager.default.fileExists(atPath: RunFolder(path: $0).configuration)
    }
  }
}
