package import Collectives

extension DoctorReport.Rank: Message {
  package func write(to writer: inout MessageWriter) {
    writer.write(rank)
    writer.write(host)
    writer.write(threads)
    for rate in [
      productRate, imageSeconds, updateSeconds, decodeRate, photoReadRate,
    ] { writer.write(rate) }
    writer.write(writeRate)
    writer.write(readRate)
  }

  package init(from reader: inout MessageReader) throws {
    self.init(
      rank: try reader.read(), host: try reader.read(), threads: try reader.read(),
      productRate: try reader.read(), imageSeconds: try reader.read(),
      updateSeconds: try reader.read(), decodeRate: try reader.read(),
      photoReadRate: try reader.read(), writeRate: try reader.read(), readRate: try reader.read())
  }
}
