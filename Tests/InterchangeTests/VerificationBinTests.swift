import Foundation
import Interchange
import Testing

@Suite struct VerificationBinTests {
  private func read(_ bytes: [UInt8]) throws -> (images: [[UInt8]], isSame: [Bool]) {
    let folder = try TemporaryFolder()
    let bin = try VerificationBin(path: folder.write(bytes, "faces.bin"))
    return ((0..<bin.photoCount).map { bin.withImage($0) { Array($0) } }, bin.isSame)
  }

  @Test("The example of facts: protocol 4, two images of three bytes, one person")
  func vector() throws {
    let hex =
      "80049517000000000000005d94284303ffd841944303ffd84294655d94886186942e"
    let bytes = stride(from: 0, to: hex.count, by: 2).map { at in
      UInt8(hex.dropFirst(at).prefix(2), radix: 16)!
    }
    let found = try read(bytes)
    #expect(found.images == [[0xFF, 0xD8, 0x41], [0xFF, 0xD8, 0x42]])
    #expect(found.isSame == [true])
    for count in 0..<bytes.count {
      #expect(throws: InterchangeError.self) { try read(Array(bytes.prefix(count))) }
    }
  }

  @Test("What Python 3 and NumPy write", arguments: Self.pickles.map(\.0))
  func pythonsPickles(_ name: String) throws {
    let text = try #require(Self.pickles.first { $0.0 == name }?.1)
    let found = try read([UInt8](#require(Data(base64Encoded: text))))
    let expected: [[UInt8]] = [
      [255, 216, 0, 200], [255, 216, 1, 0, 201], [255, 216, 2, 0, 1, 202],
      [255, 216, 3, 0, 1, 2, 203],
    ]
    #expect(found.images == expected)
    #expect(found.isSame == [false, true])
  }

  @Test func whatIsNoSetIsRefused() throws {
    // None, a number, ([], []), ([b""], [True]), a text for an image.
    for hex in [
      "80024e2e", "80024b072e", "80025d5d862e", "80025d55006155" + "00612e",
      "80025d2858010000006158010000006165" + "5d88" + "61862e",
    ] {
      let bytes = stride(from: 0, to: hex.count, by: 2).map { at in
        UInt8(hex.dropFirst(at).prefix(2), radix: 16)!
      }
      #expect(throws: InterchangeError.self) { try read(bytes) }
    }
  }

  /// scripts/golden/verification_bin.py
  private static let pickles: [(String, String)] = [
    (
      "bytes 2",
      """
      gAJdcQAoY19jb2RlY3MKZW5jb2RlCnEBWAcAAADDv8OYAMOIcQJYBgAAAGxhdGluMXEDhnEEUnEFaAFYCAAA\
      AMO/w5gBAMOJcQZoA4ZxB1JxCGgBWAkAAADDv8OYAgABw4pxCWgDhnEKUnELaAFYCgAAAMO/w5gDAAECw4tx\
      DGgDhnENUnEOZV1xDyiJiGWGcRAu
      """
    ),
    (
      "bytes 4",
      """
      gASVLwAAAAAAAABdlChDBP/YAMiUQwX/2AEAyZRDBv/YAgABypRDB//YAwABAsuUZV2UKImIZYaULg==
      """
    ),
    (
      "bytes 5",
      """
      gAWVLwAAAAAAAABdlChDBP/YAMiUQwX/2AEAyZRDBv/YAgABypRDB//YAwABAsuUZV2UKImIZYaULg==
      """
    ),
    (
      "arrays 2",
      """
      gAJdcQAoY251bXB5Ll9jb3JlLm11bHRpYXJyYXkKX3JlY29uc3RydWN0CnEBY251bXB5Cm5kYXJyYXkKcQJL\
      AIVxA2NfY29kZWNzCmVuY29kZQpxBFgBAAAAYnEFWAYAAABsYXRpbjFxBoZxB1JxCIdxCVJxCihLAUsESwGG\
      cQtjbnVtcHkKZHR5cGUKcQxYAgAAAHUxcQ2JiIdxDlJxDyhLA1gBAAAAfHEQTk5OSv////9K/////0sAdHER\
      YoloBFgHAAAAw7/DmADDiHESaAaGcRNScRR0cRViaAFoAksAhXEWaAiHcRdScRgoSwFLBUsBhnEZaA+JaARY\
      CAAAAMO/w5gBAMOJcRpoBoZxG1JxHHRxHWJoAWgCSwCFcR5oCIdxH1JxIChLAUsGSwGGcSFoD4loBFgJAAAA\
      w7/DmAIAAcOKcSJoBoZxI1JxJHRxJWJoAWgCSwCFcSZoCIdxJ1JxKChLAUsHSwGGcSloD4loBFgKAAAAw7/D\
      mAMAAQLDi3EqaAaGcStScSx0cS1iZV1xLiiJiGWGcS8u
      """
    ),
    (
      "arrays 4",
      """
      gASVDQEAAAAAAABdlCiMFm51bXB5Ll9jb3JlLm11bHRpYXJyYXmUjAxfcmVjb25zdHJ1Y3SUk5SMBW51bXB5\
      lIwHbmRhcnJheZSTlEsAhZRDAWKUh5RSlChLAUsESwGGlGgEjAVkdHlwZZSTlIwCdTGUiYiHlFKUKEsDjAF8\
      lE5OTkr/////Sv////9LAHSUYolDBP/YAMiUdJRiaANoBksAhZRoCIeUUpQoSwFLBUsBhpRoEIlDBf/YAQDJ\
      lHSUYmgDaAZLAIWUaAiHlFKUKEsBSwZLAYaUaBCJQwb/2AIAAcqUdJRiaANoBksAhZRoCIeUUpQoSwFLB0sB\
      hpRoEIlDB//YAwABAsuUdJRiZV2UKImIZYaULg==
      """
    ),
    (
      "arrays 5",
      """
      gAWV6QAAAAAAAABdlCiME251bXB5Ll9jb3JlLm51bWVyaWOUjAtfZnJvbWJ1ZmZlcpSTlCiWBAAAAAAAAAD/\
      2ADIlIwFbnVtcHmUjAVkdHlwZZSTlIwCdTGUiYiHlFKUKEsDjAF8lE5OTkr/////Sv////9LAHSUYksESwGG\
      lIwBQ5R0lFKUaAMolgUAAAAAAAAA/9gBAMmUaApLBUsBhpRoDnSUUpRoAyiWBgAAAAAAAAD/2AIAAcqUaApL\
      BksBhpRoDnSUUpRoAyiWBwAAAAAAAAD/2AMAAQLLlGgKSwdLAYaUaA50lFKUZV2UKImIZYaULg==
      """
    ),
    (
      "numpy truths",
      """
      gASVmwAAAAAAAABdlChDBP/YAMiUQwX/2AEAyZRDBv/YAgABypRDB//YAwABAsuUZV2UKIwWbnVtcHkuX2Nv\
      cmUubXVsdGlhcnJheZSMBnNjYWxhcpSTlIwFbnVtcHmUjAVkdHlwZZSTlIwCYjGUiYiHlFKUKEsDjAF8lE5O\
      Tkr/////Sv////9LAHSUYkMBAJSGlFKUaAhoDkMBAZSGlFKUZYaULg==
      """
    ),
  ]
}
