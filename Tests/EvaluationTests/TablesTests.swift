import Evaluation
import Foundation
import Interchange
import Testing

/// Tables that NumPy and scikit-learn computed (scripts/golden/tables.py).
private struct GoldenTables: Decodable {
  struct Rate: Decodable {
    let target, tar, far, nearTAR, nearFAR: Double
  }
  struct Discard: Decodable {
    let target: Double
    let fixed, anew, ideal: [Double]
    let fixedArea, anewArea, idealArea: Double
  }
  struct SubsetIntervals: Decodable {
    struct Row: Decodable {
      let accuracy, far, frr: [Double]
    }
    let rows: [Row]
    let mean, spread, ratio: [Double]
  }
  struct Verification: Decodable {
    let rates: [Rate]
    let subsetAccuracies: [Double]
    let subsetMean, subsetSpread, errorRatio: Double
    let subsetIntervals: SubsetIntervals
    let discard: [Discard]
  }
  let verification: Verification
}

private struct GoldenPairs: Decodable {
  let dimension, foldCount, photosPerPerson: Int
  let embeddingSixteenths, pairs: [Int]
}

@Suite struct TablesTests {
  private let golden: GoldenTables.Verification
  private let result: EvaluationResult
  private let scores: PairScores

  init() throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("Golden")
    golden = try JSONDecoder().decode(
      GoldenTables.self, from: Data(contentsOf: folder.appendingPathComponent("tables.json"))
    ).verification
    let made = try JSONDecoder().decode(
      GoldenPairs.self, from: Data(contentsOf: folder.appendingPathComponent("verification.json")))
    let count = made.pairs.count / 3
    let embeddings = Embeddings(
      made.embeddingSixteenths.map { Float($0) / 16 }, dimension: made.dimension)
    let pairs = VerificationPairs(
      pairs: (0..<count).map {
        .init(
          first: made.pairs[3 * $0], second: made.pairs[3 * $0 + 1],
          isSame: made.pairs[3 * $0 + 2] == 1, fold: $0 / (count / made.foldCount))
      }, foldCount: made.foldCount, foldRule: "golden",
      people: (0..<embeddings.count).map { $0 / made.photosPerPerson })
    result = EvaluationResult(embeddings: embeddings, pairs: pairs)
    scores = try #require(result.scores)
  }

  private func close(_ a: Double, _ b: Double) -> Bool { abs(a - b) <= 1e-9 }

  @Test func ratesEqualNumPyAndScikitLearn() {
    let found = scores.acceptRates()
    #expect(found.map(\.targetFAR) == golden.rates.map(\.target))
    for (a, b) in zip(found, golden.rates) {
      #expect(close(a.strict.trueAcceptRate, b.tar))
      #expect(close(a.strict.falseAcceptRate, b.far))
      #expect(close(a.nearest.trueAcceptRate, b.nearTAR))
      #expect(close(a.nearest.falseAcceptRate, b.nearFAR))
    }
  }

  @Test func thresholdsGiveTheRatesThatStandBesideThem() {
    for rate in scores.acceptRates() {
      let accepted = scores.distances.indices.filter {
        scores.distances[$0] < rate.strict.threshold
      }
      let same = accepted.count { scores.pairs.pairs[$0].isSame }
      #expect(Double(same) / Double(scores.sameCount) == rate.strict.trueAcceptRate)
      let far = Double(accepted.count - same) / Double(scores.differentCount)
      #expect(far == rate.strict.falseAcceptRate)
      #expect(far <= rate.targetFAR)
    }
  }

  @Test func tooFewPairsAreRefusedInWords() throws {
    // 240 pairs of two people: enough for 1e-1 and 1e-2, not for 1e-3.
    let rates = scores.acceptRates()
    #expect(rates.map(\.isSufficient) == [true, true, false, false, false, false])
    #expect(
      rates[2].line
        == "TAR@FAR=1e-3 insufficient data: 240 pairs of two people, and it takes 1000")
    #expect(AcceptRate.neededCount(0.1) == 20)
    #expect(AcceptRate.neededCount(1e-6) == 1_000_000)
    let table = try #require(VerificationTable(result))
    #expect(table.rates[2].interval == nil)
    #expect(table.lines.contains(rates[2].line))
  }

  @Test func weightsAreThoseOfPairsThatStandAsOften() throws {
    let bootstrap = PeopleBootstrap(scores.pairs)
    #expect(bootstrap.unitCount == 40)
    let targets = [1e-1, 1e-2, 1e-3]
    let isRight = scores.pairs.pairs.indices.map { $0 % 3 > 0 }
    let drawn = DrawnPairs(scores, of: bootstrap, at: targets, isRight: isRight)
    for draw in 0..<5 {
      let counts = bootstrap.counts(draw: draw, seed: 3).map(Int.init)
      #expect(counts.reduce(0, +) == 40)
      // Units are numbered as the pairs bring them: recount by people.
      let people = try #require(scores.pairs.people)
      var unit: [Int: Int] = [:]
      for pair in scores.pairs.pairs {
        for photo in [pair.first, pair.second] where unit[people[photo]] == nil {
          unit[people[photo]] = unit.count
        }
      }
      var repeated: [VerificationPairs.Pair] = []
      var distances: [Double] = []
      var right = 0
      for (index, pair) in scores.pairs.pairs.enumerated() {
        let a = counts[unit[people[pair.first]]!]
        let b = counts[unit[people[pair.second]]!]
        let times = pair.isSame ? a : a * b
        right += isRight[index] ? times : 0
        repeated += [VerificationPairs.Pair](repeating: pair, count: times)
        distances += [Double](repeating: scores.distances[index], count: times)
      }
      let explicit = PairScores(
        distances: distances,
        pairs: VerificationPairs(pairs: repeated, foldCount: 10, foldRule: ""),
        norms: scores.norms)
      let rates = drawn.rates(counts.map(Int32.init))
      #expect(
        rates.trueAccept == explicit.acceptRates(at: targets).map(\.strict.trueAcceptRate))
      #expect(rates.accuracy == Double(right) / Double(repeated.count))
    }
  }

  @Test func intervalsHoldTheRateAndFollowTheSeed() throws {
    let bootstrap = PeopleBootstrap(scores.pairs)
    let verification = try #require(result.verification)
    func drawn(_ seed: UInt64) -> (rates: [AcceptRate], accuracy: ClosedRange<Double>?) {
      scores.acceptRates(of: verification, bootstrap: bootstrap, seed: seed)
    }
    let one = drawn(1)
    #expect(one == drawn(1))
    #expect(one.rates != drawn(2).rates)
    for rate in one.rates.prefix(2) {
      let interval = try #require(rate.interval)
      #expect(interval.contains(rate.strict.trueAcceptRate))
      #expect(interval.upperBound > interval.lowerBound)
    }
    let accuracy = try #require(one.accuracy)
    #expect(accuracy.contains(verification.accuracy))
    // Where nobody knows the people, pairs are drawn.
    let unnamed = VerificationPairs(
      pairs: scores.pairs.pairs, foldCount: 10, foldRule: "")
    #expect(PeopleBootstrap(unnamed).unitCount == 480)
  }

  @Test func percentilesAreNumPys() {
    // numpy.percentile([0 ... 10], [2.5, 97.5])
    let interval = PairScores.interval((0...10).map(Double.init).reversed())
    #expect(close(interval.lowerBound, 0.25) && close(interval.upperBound, 9.75))
  }

  @Test func subsetsEqualNumPy() throws {
    let subsets = scores.norms.indices.map { $0 / 4 < 36 ? [0, 0, 1, 1][$0 / 4 % 4] : nil }
    let threshold = try #require(result.verification).mostAccurateThreshold
    let table = SubsetTable(scores, subsets: subsets, names: ["a", "b"], threshold: threshold)
    for (row, expected) in zip(table.rows, golden.subsetAccuracies) {
      #expect(close(try #require(row.accuracy), expected))
    }
    #expect(close(try #require(table.spread.moments).mean, golden.subsetMean))
    #expect(close(try #require(table.spread.moments).deviation, golden.subsetSpread))
    #expect(close(try #require(table.spread.errorRatio), golden.errorRatio))
    let counted = table.rows.reduce(0) { $0 + $1.pairCount }
    #expect(counted + table.acrossCount + table.unknownCount == 480)
    #expect(table.acrossCount > 0 && table.unknownCount > 0)
    #expect(table.warnings.count == 2)
  }

  private func isNear(_ found: ClosedRange<Double>?, _ expected: [Double]) -> Bool {
    found.map { close($0.lowerBound, expected[0]) && close($0.upperBound, expected[1]) } ?? false
  }

  @Test func intervalsOfSubsetsEqualNumPy() throws {
    let subsets = scores.norms.indices.map { $0 / 4 < 36 ? [0, 0, 1, 1][$0 / 4 % 4] : nil }
    let table = SubsetTable(scores, subsets: subsets, names: ["a", "b"], threshold: 1.3)
    let expected = golden.subsetIntervals
    for (row, expected) in zip(table.rows, expected.rows) {
      #expect(isNear(row.accuracyInterval, expected.accuracy))
      #expect(isNear(row.falseAcceptInterval, expected.far))
      #expect(isNear(row.falseRejectInterval, expected.frr))
    }
    #expect(isNear(table.spread.interval { $0.moments?.mean }, expected.mean))
    #expect(isNear(table.spread.interval { $0.moments?.deviation }, expected.spread))
    #expect(isNear(table.spread.interval(\.errorRatio), expected.ratio))
    let mean = Figure.text(try #require(table.spread.moments).mean, digits: 6)
    #expect(
      table.lines[2] == "subsets-accuracy \(mean)"
        + Figure.spread(expected.mean[0]...expected.mean[1]))
    // Without people's draws, as where a subset is empty, there are none.
    let empty = SubsetTable(scores, subsets: subsets, names: ["a", "b", "c"], threshold: 1.3)
    #expect(empty.rows[2].accuracyInterval == nil && empty.rows[2].falseAcceptInterval == nil)
    #expect(isNear(empty.spread.interval { $0.moments?.mean }, expected.mean))
  }

  @Test func errorAgainstDiscardEqualsNumPy() throws {
    let found = ErrorDiscard(scores, quality: scores.norms)
    #expect(found.refusals.count == 2)
    let expected = try #require(golden.discard.first)
    let curves = found.curves
    #expect(curves.map(\.isFixed) == [true, false])
    for curve in curves {
      #expect(curve.targetFAR == expected.target)
      #expect(curve.points.count == 20)
    }
    for (a, b) in zip(curves[0].points, expected.fixed) { #expect(close(a.error, b)) }
    for (a, b) in zip(curves[1].points, expected.anew) { #expect(close(a.error, b)) }
    #expect(close(curves[0].area, expected.fixedArea))
    #expect(close(curves[1].area, expected.anewArea))
    for (a, b) in zip(curves[0].ideal, expected.ideal) { #expect(close(a.error, b)) }
    #expect(close(curves[0].idealArea, expected.idealArea))
    #expect(found.lines[2].hasSuffix(", ideal \(Figure.text(expected.idealArea, digits: 6))"))
  }

  /// arccos(cos)/pi, the distance of NIST's curves, orders pairs as squared distances do.
  @Test func curvesAreThoseOfAngles() {
    let angles = PairScores(
      distances: scores.distances.map { acos(1 - $0 / 2) / .pi }, pairs: scores.pairs,
      norms: scores.norms)
    let (one, other) = (
      ErrorDiscard(scores, quality: scores.norms), ErrorDiscard(angles, quality: scores.norms)
    )
    #expect(one.lines == other.lines && one.curves.count == 2)
  }

  @Test func namesOfSubsetsMeanPhotosThenFolders() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appendingPathComponent("groups.csv").path
    try "person,group\nAnn,x\nBob Cole,y\nAnn/2.jpg,y\n".write(
      toFile: path, atomically: true, encoding: .utf8)
    let parts = try SubsetsFile(path: path).parts(
      of: ["Ann/1.jpg", "Ann/2.jpg", "set/Bob Cole/1.jpg", "Eve/1.jpg"])
    #expect(parts.names == ["x", "y"] && parts.subsets == [0, 1, 1, nil])
    try "Ann x\nAnn y\n".write(toFile: path, atomically: true, encoding: .utf8)
    #expect(throws: InterchangeError.self) { try SubsetsFile(path: path).parts(of: ["Ann/1.jpg"]) }
  }

  @Test func hardPairsAreTheNearestOfTheirFold() throws {
    let labels = scores.norms.indices.map { $0 / 4 }
    let golden = try JSONDecoder().decode(
      GoldenPairs.self,
      from: Data(
        contentsOf: URL(fileURLWithPath: #filePath).deletingLastPathComponent()
          .deletingLastPathComponent().appendingPathComponent("Golden/verification.json")))
    let embeddings = Embeddings(
      golden.embeddingSixteenths.map { Float($0) / 16 }, dimension: golden.dimension)
    let hard = VerificationPairs.generated(
      labels: labels, limit: 200, folds: 5, seed: 2, hard: embeddings)
    let drawn = VerificationPairs.generated(labels: labels, limit: 200, folds: 5, seed: 2)
    #expect(hard.pairs.filter(\.isSame) == drawn.pairs.filter(\.isSame))
    for fold in 0..<5 {
      let mine = hard.pairs.filter { $0.fold == fold }
      let people = Set(mine.flatMap { [labels[$0.first], labels[$0.second]] })
      let photos = labels.indices.filter { people.contains(labels[$0]) }
      let all = photos.flatMap { a in
        photos.filter { $0 > a && labels[$0] != labels[a] }.map {
          embeddings.squaredDistance(a, $0)
        }
      }.sorted()
      let found = mine.filter { !$0.isSame }.map {
        embeddings.squaredDistance($0.first, $0.second)
      }
      #expect(abs(found[0] - all[0]) < 1e-6)
      let mean = found.reduce(0, +) / Double(found.count)
      let meanOfAll = all.reduce(0, +) / Double(all.count)
      #expect(mean < meanOfAll - 0.5)
    }
    let (even, perKind) = hard.evened()
    for fold in 0..<5 {
      for isSame in [true, false] {
        #expect(even.pairs.count { $0.fold == fold && $0.isSame == isSame } == perKind)
      }
    }
  }

  @Test func theFourSetsOfRFWHaveSpreadAndRatioOfErrors() throws {
    let halves = [0, 1].map { half in
      scores.pairs.pairs.indices.filter { scores.pairs.pairs[$0].fold % 2 == half }
    }
    let parts = (halves + [Array(halves[0].dropFirst(40)), Array(halves[1].dropLast(50))]).map {
      chosen -> EvaluationResult in
      var part = result
      let pairs = VerificationPairs(
        pairs: chosen.map { scores.pairs.pairs[$0] }, foldCount: 10, foldRule: "",
        people: scores.pairs.people)
      let distances = chosen.map { scores.distances[$0] }
      part.verification = Verification(distances: distances, pairs: pairs)
      part.scores = PairScores(distances: distances, pairs: pairs, norms: scores.norms)
      return part
    }
    let names = ["txts/Indian_pairs.txt", "African", "Asian_test", "caucasian"]
    let accuracies = try parts.map { try #require($0.verification).accuracy }
    #expect(Set(accuracies).count > 1 && accuracies.allSatisfy { $0 < 1 })
    let lines = SetResults(results: Array(zip(names, parts))).summary
    let mean = accuracies.reduce(0, +) / 4
    let variance = accuracies.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 4
    let ratio = (1 - accuracies.min()!) / (1 - accuracies.max()!)
    func plain(_ line: String) -> String { String(line.prefix { $0 != "(" }.dropLast()) }
    #expect(
      [lines[0]] + lines.dropFirst().map(plain) == [
        "mean-accuracy \(Figure.text(mean, digits: 6)) of \(names.joined(separator: ", "))",
        "rfw-accuracy \(Figure.text(mean, digits: 6))",
        "rfw-spread \(Figure.text(variance.squareRoot(), digits: 6))",
        "rfw-error-ratio \(Figure.text(ratio, digits: 4))",
      ])
    for line in lines.dropFirst() { #expect(line.contains(" to ") && line.hasSuffix(")")) }
    #expect(SetResults(results: Array(zip(names, parts))).summary == lines)
    #expect(SetResults(results: Array(zip(names, parts)).dropLast()).summary.count == 1)
  }

  @Test func theFieldsFiveHaveAMeanBesideThatOfAll() throws {
    let names = ["lfw", "own", "cfp_fp", "agedb_30", "sets/calfw.bin", "cplfw"]
    let lines = SetResults(results: names.map { ($0, result) }).summary
    let accuracy = Figure.text(try #require(result.verification).accuracy, digits: 6)
    #expect(
      lines == [
        "mean-accuracy \(accuracy) of lfw, own, cfp_fp, agedb_30, sets/calfw.bin, cplfw",
        "mean-of-five \(accuracy) of lfw, cfp_fp, agedb_30, sets/calfw.bin, cplfw",
      ])
  }
}
