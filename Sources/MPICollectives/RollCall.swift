internal import CMPI

/// Finds out who is missing from a collective that waits too long.
///
/// A rank that has waited long tells every other rank which collective it is at, by an empty
/// message whose tag is the serial number; who is not heard of by the deadline is absent.
struct RollCall {
  private let communicator: cmpi_communicator
  private let rank: Int
  private var lastTags: [Int32?]
  private var announced: Int?

  /// MPI guarantees tags up to 32767.
  private static func tag(of serial: Int) -> Int32 { Int32(serial & 0x7FFF) }

  /// Takes a communicator on which nothing else is sent.
  init(on communicator: cmpi_communicator, rank: Int, size: Int) {
    self.communicator = communicator
    self.rank = rank
    lastTags = Array(repeating: nil, count: size)
  }

  /// Takes in what peers have said, and says where this rank is if `mustSpeak` or if anybody did.
  mutating func proceed(at serial: Int, mustSpeak: Bool) throws {
    try listen()
    guard announced != serial, mustSpeak || lastTags.contains(Self.tag(of: serial)) else { return }
    announced = serial
    for peer in lastTags.indices where peer != rank {
      try MPIError.check(
        "MPI_Isend", rank: rank, cmpi_send_tag(communicator, Self.tag(of: serial), Int32(peer)))
    }
  }

  /// Takes in the messages that have arrived.
  mutating func listen() throws {
    while true {
      var isThere: Int32 = 0
      var tag: Int32 = 0
      var source: Int32 = 0
      try MPIError.check(
        "MPI_Iprobe", rank: rank, cmpi_receive_tag(communicator, &isThere, &tag, &source))
      guard isThere != 0 else { return }
      lastTags[Int(source)] = tag
    }
  }

  /// The ranks that have not said to be at `serial`.
  func absentRanks(at serial: Int) -> [Int] {
    lastTags.indices.filter { $0 != rank && lastTags[$0] != Self.tag(of: serial) }
  }
}
