package import Collectives
package import Datasets

extension BadPhoto: Message {
  package func write(to writer: inout MessageWriter) {
    writer.write(photo)
    writer.write(path)
    writer.write(reason)
  }

  package init(from reader: inout MessageReader) throws {
    self.init(photo: try reader.read(), path: try reader.read(), reason: try reader.read())
  }
}
