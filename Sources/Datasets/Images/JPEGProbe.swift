internal import Determinism
private import Foundation

/// What this process's libjpeg makes of a photo that the program brings along.
///
/// Versions of libjpeg-turbo, and its SIMD code and its plain code, are meant to give the same
/// pixels; training rests on it, so every run looks.
package enum JPEGProbe {
  /// A hash of the pixels at each of the eight scales, and of the file that they make again at full
  /// size.
  package static let hash: UInt64 = {
    let decoder = JPEGDecoder()
    let image = PixelBuffer()
    var hash: UInt64 = 0
    for eighths in 1...8 {
      do {
        try photo.withUnsafeBytes { try decoder.decode($0, into: image, eighths: { _ in eighths }) }
      } catch {
        fatalError("libjpeg does not decode the photo that the program brings along: \(error)")
      }
      hash = Hash64.of(
        UnsafeRawBufferPointer(start: image.pixels, count: image.width * image.height * 3),
        seed: hash)
    }
    let file = JPEGEncoder().encode(
      image.pixels, width: image.width, height: image.height, quality: 90)
    return file.withUnsafeBytes { Hash64.of($0, seed: hash) }
  }()

  /// A synthetic face of 50 x 50 pixels (`ddp-train synthesize --size 50 --seed 14`, the second
  /// photo of the second of three people).
  private static let photo = Array(Data(base64Encoded: text)!)

  private static let text = """
    /9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAgFBgcGBQgHBgcJCAgJDBMMDAsLDBgREg4THBgdHRsYGxofIywlHyEqIRobJjQn\
    Ki4vMTIxHiU2OjYwOiwwMTD/2wBDAQgJCQwKDBcMDBcwIBsgMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAw\
    MDAwMDAwMDAwMDAwMDD/wAARCAAyADIDASIAAhEBAxEB/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAA\
    AgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6\
    Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXG\
    x8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/8QAHwEAAwEBAQEBAQEBAQAAAAAAAAECAwQFBgcICQoL/8QAtREA\
    AgECBAQDBAcFBAQAAQJ3AAECAxEEBSExBhJBUQdhcRMiMoEIFEKRobHBCSMzUvAVYnLRChYkNOEl8RcYGRomJygpKjU2Nzg5\
    OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6goOEhYaHiImKkpOUlZaXmJmaoqOkpaanqKmqsrO0tba3uLm6wsPE\
    xcbHyMnK0tPU1dbX2Nna4uPk5ebn6Onq8vP09fb3+Pn6/9oADAMBAAIRAxEAPwCrrGhmSFNa0Nuf9YwjHP1Hv6ii7uLTV9FR\
    ruF1uh9wqO/qPY+n/wCutOzstT8PajNawnfayoWSQjgnoCPRunH/ANaohpz3MnGTzgt710VJqH+ZpZvRGXbXt/FpptRMPs/3\
    AHQNkHtyOgFRaXc3+kymSxl8tiDkbQVYAkcj/PWt2bTJMD5cIqkAH3/+tVY6eUCO2GwGBAxzk5rleIh/Maewq9jOvtUOozrd\
    PAttfxkZeHhXI747Hpz/ACroLW/tfFOnGx1DbHeRjcrgck/3h/UVz2o2qrk9GAyG9Kzo/Na4RrRiLlPmXaeWx6V0Uqyqe7f0\
    IcZRdpI0X8NaojFVj3gHAYSDB9+tFWU8Y3IRQ9qpbHJBIyfyorp/e9ham5Y6lc3tjHFegieKQwkkYY9Ovv8A4VrhIrSzaRkL\
    ADIUYy/HQc4z2qERQa9BBe2gKbysrHABJHrWkLOO7ixNkrjpXhY2pJzcbWR6eFhBQ51uc/A0j6vLbyW3kQ72iDpL5kTuE3bO\
    mN2MnjI+Vhzg4lnMUT+WflO3cq47VKdKitbxWQkqG+Qt820kEZH4E9O2azNTe7lv7adIpdqRskqzIqjGcEggkcjJHXpziuST\
    UndHVBOK11MC5v0u7+S2jaUIp2B/K/dE5wFLnvk4xxzxWVHIba481DteGYOp9MYNdL4k0l9Mj8+xmIG3GB6bi2M+m4k49ea5\
    AvNLFPK68yMFJ9x1/mK6qM0mnE5K0JSi1L1PTzaeHJyZttkfM+fJYAnPPTNFc9J4KvfMby7mEpk7SSQcdu1Fe5aH855133O2\
    0C0SzslhjBCRjaA3XFTWMiszRq3KEjGeag065SO0AQ4Crxn6Vxmqahe2uqfaLB8MJPmU8hl9CK8zFQU437G+Fm1Pl7nbahGz\
    SRuFLKhLcckcHt36kYHrWLqs6NbTRBSZGUrsBG4EjuM5H40ll4rt5ogLpWtpcYIbp+B/xrn9X8S2UBVrcNI6qQSoILHnkk/W\
    vLUW2evdJakmvXeyDazEjsD1rAe3kSyihC5aR95X/aOP/rVmxatcalqRM42qCNi9a1rm48qeFyMhXU46dDXo4elZczPKxNbm\
    lyotDxfqsQ8t2QsnyndHzkevPWit1fEGiOod5YwzDJDRcg+/FFetzL+Q5LmpbEiA4JH7sVmRKpuJcqD83pRRXmYn4Gb4X+Mi\
    tfouxvlHT09xXOakqgNhR37exoorz49D1JGLbgC9XHHJ/lWnfc3EQPQsOPxoor1KPwo8et8bK4VcDgflRRRXqjP/2Q==
    """
}
