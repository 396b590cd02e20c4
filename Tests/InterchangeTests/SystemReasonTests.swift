import Foundation
import Interchange
import Testing

@Suite struct SystemReasonTests {
  @Test func filesThatAreTooManyNameTheLimit() {
    #expect(SystemReason.text(EMFILE).hasPrefix("Too many open files in this process"))
    #expect(SystemReason.text(EMFILE).contains("ulimit -n"))
    #expect(SystemReason.text(ENFILE).contains("fs.file-max"))
    #expect(SystemReason.text(EACCES) == "Permission denied")
  }

  @Test(arguments: [
    ("0", 0), ("-0.0", 0), ("0e-999", 0), ("1e-3", 0.001), (".5", 0.5), ("+2E1", 20),
    ("1e-310", 1e-310),
  ])
  func decimalNumbersAreRead(text: String, value: Double) {
    #expect(DecimalNumber.read(text) == value)
  }

  @Test(arguments: ["", "0x1", "0X1p-2", "-0x8", "1e-400", "1e400", "inf", "nan", "1,5", " 1"])
  func otherTextsAreNoNumbers(text: String) {
    #expect(DecimalNumber.read(text) == nil)
  }
}
