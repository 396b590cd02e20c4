/// What lies between the ranks.
package struct Wire: Sendable, Equatable, Codable {
  /// Bytes a second that a rank sends while it receives as many.
  package var bytesPerSecond: Double
  /// Seconds that a message costs its rank beside its bytes.
  package var messageSeconds: Double
  /// Seconds from one rank to another of a message that carries next to nothing.
  package var latencySeconds: Double

  package init(bytesPerSecond: Double, messageSeconds: Double, latencySeconds: Double) {
    self.bytesPerSecond = bytesPerSecond
    self.messageSeconds = messageSeconds
    self.latencySeconds = latencySeconds
  }

  /// Messages over these bytes ask before they are sent: the limit of Open MPI over TCP.
  static let eagerBytes = 65_536.0

  /// Ways between two ranks that a message of `bytes` takes.
  static func ways(ofBytes bytes: Double) -> Double { bytes > eagerBytes ? 3 : 1 }
}
