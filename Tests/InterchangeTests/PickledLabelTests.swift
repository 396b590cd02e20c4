import Foundation
import Interchange
import Testing

/// Labels in pickles of LMDB data sets.
@Suite struct PickledLabelTests {
  @Test func labelsOfPythonNumPyAndPyTorch() throws {
    #expect(PickledLabels.good.count >= 60)
    for (label, pickle) in PickledLabels.good {
      let bytes = [UInt8](try #require(Data(base64Encoded: pickle)))
      #expect(try PickledLabel.read(bytes) == label)
    }
  }

  @Test func whatIsNoLabelIsNamed() throws {
    for (said, pickle) in PickledLabels.bad {
      let bytes = [UInt8](try #require(Data(base64Encoded: pickle)))
      let problem = #expect(throws: PickledLabel.Problem.self) { try PickledLabel.read(bytes) }
      #expect(problem?.description.contains(said) == true, "\(problem!)")
    }
  }

  @Test func damagedPicklesAreProblems() throws {
    for (_, pickle) in PickledLabels.good.prefix(20) {
      let bytes = [UInt8](try #require(Data(base64Encoded: pickle)))
      for count in 0..<bytes.count {
        #expect(throws: PickledLabel.Problem.self) { try PickledLabel.read(Array(bytes[..<count])) }
      }
      for place in bytes.indices {
        var changed = bytes
        changed[place] ^= 0x5A
        _ = try? PickledLabel.read(changed)
      }
    }
  }
}
