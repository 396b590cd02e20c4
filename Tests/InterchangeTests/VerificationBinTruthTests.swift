import Foundation
import Interchange
import Testing

/// Truths and images as scripts other than InsightFace's keep them.
@Suite struct VerificationBinTruthTests {
  private func read(_ base64: String) throws -> (images: [[UInt8]], isSame: [Bool]) {
    let folder = try TemporaryFolder()
    let bytes = [UInt8](try #require(Data(base64Encoded: base64)))
    let bin = try VerificationBin(path: folder.write(bytes, "faces.bin"))
    return ((0..<bin.photoCount).map { bin.withImage($0) { Array($0) } }, bin.isSame)
  }

  @Test(arguments: Self.sound.map(\.0))
  func truthsAndImagesOfNumPyAreRead(name: String) throws {
    let found = try read(try #require(Self.sound.first { $0.0 == name }?.1))
    #expect(found.isSame == [false, true])
    #expect(
      found.images == [
        [255, 216, 0, 200], [255, 216, 1, 0, 201], [255, 216, 2, 0, 1, 202],
        [255, 216, 3, 0, 1, 2, 203],
      ])
  }

  @Test(arguments: Self.broken.map(\.0))
  func numbersThatAreNoTruthsAreRefused(name: String) throws {
    let base64 = try #require(Self.broken.first { $0.0 == name }?.1)
    #expect(throws: InterchangeError.self) { try read(base64) }
  }

  /// scripts/golden/verification_bin.py
  private static let sound: [(String, String)] = [
    (
      "minus one for two people",
      """
      gASVNAAAAAAAAABdlChDBP/YAMiUQwX/2AEAyZRDBv/YAgABypRDB//YAwABAsuUZV2UKEr/////Sw\
      FlhpQu
      """
    ),
    (
      "numpy truths 2",
      """
      gAJdcQAoY19jb2RlY3MKZW5jb2RlCnEBWAcAAADDv8OYAMOIcQJYBgAAAGxhdGluMXEDhnEEUnEFaAFYCAAA\
      AMO/w5gBAMOJcQZoA4ZxB1JxCGgBWAkAAADDv8OYAgABw4pxCWgDhnEKUnELaAFYCgAAAMO/w5gDAAECw4tx\
      DGgDhnENUnEOZV1xDyhjbnVtcHkuX2NvcmUubXVsdGlhcnJheQpzY2FsYXIKcRBjbnVtcHkKZHR5cGUKcRFY\
      AgAAAGIxcRKJiIdxE1JxFChLA1gBAAAAfHEVTk5OSv////9K/////0sAdHEWYmgBWAEAAAAAcRdoA4ZxGFJx\
      GYZxGlJxG2gQaBRoAVgBAAAAAXEcaAOGcR1ScR6GcR9ScSBlhnEhLg==
      """
    ),
    (
      "an array of truths 2",
      """
      gAJdcQAoY19jb2RlY3MKZW5jb2RlCnEBWAcAAADDv8OYAMOIcQJYBgAAAGxhdGluMXEDhnEEUnEFaAFYCAAA\
      AMO/w5gBAMOJcQZoA4ZxB1JxCGgBWAkAAADDv8OYAgABw4pxCWgDhnEKUnELaAFYCgAAAMO/w5gDAAECw4tx\
      DGgDhnENUnEOZWNudW1weS5fY29yZS5tdWx0aWFycmF5Cl9yZWNvbnN0cnVjdApxD2NudW1weQpuZGFycmF5\
      CnEQSwCFcRFoAVgBAAAAYnESaAOGcRNScRSHcRVScRYoSwFLAoVxF2NudW1weQpkdHlwZQpxGFgCAAAAYjFx\
      GYmIh3EaUnEbKEsDWAEAAAB8cRxOTk5K/////0r/////SwB0cR1iiWgBWAIAAAAAAXEeaAOGcR9ScSB0cSFi\
      hnEiLg==
      """
    ),
    (
      "an array of truths 4",
      """
      gASVswAAAAAAAABdlChDBP/YAMiUQwX/2AEAyZRDBv/YAgABypRDB//YAwABAsuUZYwWbnVtcHkuX2NvcmUu\
      bXVsdGlhcnJheZSMDF9yZWNvbnN0cnVjdJSTlIwFbnVtcHmUjAduZGFycmF5lJOUSwCFlEMBYpSHlFKUKEsB\
      SwKFlGgIjAVkdHlwZZSTlIwCYjGUiYiHlFKUKEsDjAF8lE5OTkr/////Sv////9LAHSUYolDAgABlHSUYoaU\
      Lg==
      """
    ),
    (
      "an array of truths 5",
      """
      gAWVngAAAAAAAABdlChDBP/YAMiUQwX/2AEAyZRDBv/YAgABypRDB//YAwABAsuUZYwTbnVtcHkuX2NvcmUu\
      bnVtZXJpY5SMC19mcm9tYnVmZmVylJOUKJYCAAAAAAAAAAABlIwFbnVtcHmUjAVkdHlwZZSTlIwCYjGUiYiH\
      lFKUKEsDjAF8lE5OTkr/////Sv////9LAHSUYksChZSMAUOUdJRSlIaULg==
      """
    ),
    (
      "an array of big-endian integers",
      """
      gASVwQAAAAAAAABdlChDBP/YAMiUQwX/2AEAyZRDBv/YAgABypRDB//YAwABAsuUZYwWbnVtcHkuX2NvcmUu\
      bXVsdGlhcnJheZSMDF9yZWNvbnN0cnVjdJSTlIwFbnVtcHmUjAduZGFycmF5lJOUSwCFlEMBYpSHlFKUKEsB\
      SwKFlGgIjAVkdHlwZZSTlIwCaTiUiYiHlFKUKEsDjAE+lE5OTkr/////Sv////9LAHSUYolDEAAAAAAAAAAA\
      AAAAAAAAAAGUdJRihpQu
      """
    ),
    (
      "numpy integers",
      """
      gASVqQAAAAAAAABdlChDBP/YAMiUQwX/2AEAyZRDBv/YAgABypRDB//YAwABAsuUZV2UKIwWbnVtcHkuX2Nv\
      cmUubXVsdGlhcnJheZSMBnNjYWxhcpSTlIwFbnVtcHmUjAVkdHlwZZSTlIwCaTiUiYiHlFKUKEsDjAE8lE5O\
      Tkr/////Sv////9LAHSUYkMIAAAAAAAAAACUhpRSlGgIaA5DCAEAAAAAAAAAlIaUUpRlhpQu
      """
    ),
    (
      "floats",
      """
      gASVPwAAAAAAAABdlChDBP/YAMiUQwX/2AEAyZRDBv/YAgABypRDB//YAwABAsuUZV2UKEcAAAAAAAAAAEc/\
      8AAAAAAAAGWGlC4=
      """
    ),
    (
      "numpy floats",
      """
      gASVoQAAAAAAAABdlChDBP/YAMiUQwX/2AEAyZRDBv/YAgABypRDB//YAwABAsuUZV2UKIwWbnVtcHkuX2Nv\
      cmUubXVsdGlhcnJheZSMBnNjYWxhcpSTlIwFbnVtcHmUjAVkdHlwZZSTlIwCZjSUiYiHlFKUKEsDjAE8lE5O\
      Tkr/////Sv////9LAHSUYkMEAAAAAJSGlFKUaAhoDkMEAACAP5SGlFKUZYaULg==
      """
    ),
    (
      "an array of minus ones",
      """
      gASVwQAAAAAAAABdlChDBP/YAMiUQwX/2AEAyZRDBv/YAgABypRDB//YAwABAsuUZYwWbnVtcHkuX2NvcmUu\
      bXVsdGlhcnJheZSMDF9yZWNvbnN0cnVjdJSTlIwFbnVtcHmUjAduZGFycmF5lJOUSwCFlEMBYpSHlFKUKEsB\
      SwKFlGgIjAVkdHlwZZSTlIwCaTiUiYiHlFKUKEsDjAE8lE5OTkr/////Sv////9LAHSUYolDEP//////////\
      AQAAAAAAAACUdJRihpQu
      """
    ),
    (
      "an array of halves of minus one",
      """
      gASVtQAAAAAAAABdlChDBP/YAMiUQwX/2AEAyZRDBv/YAgABypRDB//YAwABAsuUZYwWbnVtcHkuX2NvcmUu\
      bXVsdGlhcnJheZSMDF9yZWNvbnN0cnVjdJSTlIwFbnVtcHmUjAduZGFycmF5lJOUSwCFlEMBYpSHlFKUKEsB\
      SwKFlGgIjAVkdHlwZZSTlIwCZjKUiYiHlFKUKEsDjAE+lE5OTkr/////Sv////9LAHSUYolDBLwAPACUdJRi\
      hpQu
      """
    ),
    (
      "an array of floats",
      """
      gASVwQAAAAAAAABdlChDBP/YAMiUQwX/2AEAyZRDBv/YAgABypRDB//YAwABAsuUZYwWbnVtcHkuX2NvcmUu\
      bXVsdGlhcnJheZSMDF9yZWNvbnN0cnVjdJSTlIwFbnVtcHmUjAduZGFycmF5lJOUSwCFlEMBYpSHlFKUKEsB\
      SwKFlGgIjAVkdHlwZZSTlIwCZjiUiYiHlFKUKEsDjAE8lE5OTkr/////Sv////9LAHSUYolDEAAAAAAAAAAA\
      AAAAAAAA8D+UdJRihpQu
      """
    ),
    (
      "an array of objects",
      """
      gASVtAAAAAAAAACMFm51bXB5Ll9jb3JlLm11bHRpYXJyYXmUjAxfcmVjb25zdHJ1Y3SUk5SMBW51bXB5lIwH\
      bmRhcnJheZSTlEsAhZRDAWKUh5RSlChLAUsEhZRoA4wFZHR5cGWUk5SMAk84lImIh5RSlChLA4wBfJROTk5K\
      /////0r/////Sz90lGKJXZQoQwT/2ADIlEMF/9gBAMmUQwb/2AIAAcqUQwf/2AMAAQLLlGV0lGJdlCiJiGWG\
      lC4=
      """
    ),
    (
      "numpy voids",
      """
      gASV8wAAAAAAAABdlCiMFm51bXB5Ll9jb3JlLm11bHRpYXJyYXmUjAZzY2FsYXKUk5SMBW51bXB5lIwFZHR5\
      cGWUk5SMAlY0lImIh5RSlChLA4wBfJROTk5LBEsBSwB0lGJDBP/YAMiUhpRSlGgDaAaMAlY1lImIh5RSlChL\
      A2gKTk5OSwVLAUsAdJRiQwX/2AEAyZSGlFKUaANoBowCVjaUiYiHlFKUKEsDaApOTk5LBksBSwB0lGJDBv/Y\
      AgABypSGlFKUaANoBowCVjeUiYiHlFKUKEsDaApOTk5LB0sBSwB0lGJDB//YAwABAsuUhpRSlGVdlCiJiGWG\
      lC4=
      """
    ),
  ]

  private static let broken: [(String, String)] = [
    (
      "an array of numbers",
      """
      gASVwQAAAAAAAABdlChDBP/YAMiUQwX/2AEAyZRDBv/YAgABypRDB//YAwABAsuUZYwWbnVtcHkuX2NvcmUu\
      bXVsdGlhcnJheZSMDF9yZWNvbnN0cnVjdJSTlIwFbnVtcHmUjAduZGFycmF5lJOUSwCFlEMBYpSHlFKUKEsB\
      SwKFlGgIjAVkdHlwZZSTlIwCZjiUiYiHlFKUKEsDjAE8lE5OTkr/////Sv////9LAHSUYolDEAAAAAAAAOA/\
      AAAAAAAA8D+UdJRihpQu
      """
    ),
    (
      "an array of bytes of all ones",
      """
      gASVswAAAAAAAABdlChDBP/YAMiUQwX/2AEAyZRDBv/YAgABypRDB//YAwABAsuUZYwWbnVtcHkuX2NvcmUu\
      bXVsdGlhcnJheZSMDF9yZWNvbnN0cnVjdJSTlIwFbnVtcHmUjAduZGFycmF5lJOUSwCFlEMBYpSHlFKUKEsB\
      SwKFlGgIjAVkdHlwZZSTlIwCdTGUiYiHlFKUKEsDjAF8lE5OTkr/////Sv////9LAHSUYolDAv8BlHSUYoaU\
      Lg==
      """
    ),
    (
      "an array of twos",
      """
      gASVwQAAAAAAAABdlChDBP/YAMiUQwX/2AEAyZRDBv/YAgABypRDB//YAwABAsuUZYwWbnVtcHkuX2NvcmUu\
      bXVsdGlhcnJheZSMDF9yZWNvbnN0cnVjdJSTlIwFbnVtcHmUjAduZGFycmF5lJOUSwCFlEMBYpSHlFKUKEsB\
      SwKFlGgIjAVkdHlwZZSTlIwCaTiUiYiHlFKUKEsDjAE8lE5OTkr/////Sv////9LAHSUYolDEAAAAAAAAAAA\
      AgAAAAAAAACUdJRihpQu
      """
    ),
  ]
}
