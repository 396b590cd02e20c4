package import Collectives
internal import Scaling

extension DoctorReport.Rank: Message {
  package func write(to writer: inout MessageWriter) {
    writer.write(rank)
    writer.write(host)
    writer.write(threads)
    writer.write(wayOfPairs)
    for rate in [
      productRate, imageSeconds, otherImageSeconds, updateSeconds, networkSeconds,
      networkUpdateSeconds,
    ] { writer.write(rate) }
    writer.write(headSeconds)
    writer.write(teacherSeconds)
    writer.write(decodeRate)
    writer.write(photoReadRate)
    writer.write(writeRate)
    writer.write(readRate)
  }

  package init(from reader: inout MessageReader) throws {
    let (rank, host, threads): (Int, String, Int) = (
      try reader.read(), try reader.read(), try reader.read()
    )
    let wayOfPairs: String = try reader.read()
    self.init(
      rank: rank, host: host, threads: threads, productRate: try reader.read(),
      imageSeconds: try reader.read(), otherImageSeconds: try reader.read(),
      wayOfPairs: wayOfPairs, updateSeconds: try reader.read(), networkSeconds: try reader.read(),
      networkUpdateSeconds: try reader.read(), headSeconds: try reader.read(),
      teacherSeconds: try reader.read(), decodeRate: try reader.read(),
      photoReadRate: try reader.read(), writeRate: try reader.read(), readRate: try reader.read())
  }
}
