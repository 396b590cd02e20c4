package import Collectives
internal import Scaling

extension DoctorReport.Rank: Message {
  package func write(to writer: inout MessageWriter) {
    writer.write(rank)
    writer.write(host)
    writer.write(threads)
    for rate in [
      productRate, imageSeconds, updateSeconds, networkSeconds, networkUpdateSeconds,
    ] { writer.write(rate) }
    writer.write(headSeconds)
    writer.write(decodeRate)
    writer.write(photoReadRate)
    writer.write(writeRate)
    writer.write(readRate)
  }

  package init(from reader: inout MessageReader) throws {
    self.init(
      rank: try reader.read(), host: try reader.read(), threads: try reader.read(),
      productRate: try reader.read(), imageSeconds: try reader.read(),
      updateSeconds: try reader.read(), networkSeconds: try reader.read(),
      networkUpdateSeconds: try reader.read(), headSeconds: try reader.read(),
      decodeRate: try reader.read(), photoReadRate: try reader.read(), writeRate: try reader.read(),
      readRate: try reader.read())
  }
}
