import Evaluation
import Testing

@Suite struct ClusterScoresTests {
  /// The example of docs and scripts: values by hand and by scikit-learn.
  @Test func equalsTheWorkedExample() {
    let scores = ClusterScores(
      clusters: [0, 0, 0, 1, 1, 1, 2, 2, 2, 3], people: [0, 0, 0, 0, 1, 1, 1, 2, 2, 3])
    #expect(scores.pairwise.precision == 5.0 / 9)
    #expect(scores.pairwise.recall == 5.0 / 10)
    #expect(abs(scores.pairwise.harmonicMean - 0.526316) < 5e-7)
    #expect(abs(scores.bCubed.precision - 0.733333) < 5e-7)
    #expect(abs(scores.bCubed.recall - 0.716667) < 5e-7)
    #expect(abs(scores.bCubed.harmonicMean - 0.724904) < 5e-7)
    #expect(abs(scores.normalizedMutualInformation - 0.692408) < 5e-7)
    #expect(abs(scores.adjustedRandIndex - 0.4) < 1e-12)
    #expect((scores.clusterCount, scores.personCount, scores.photoCount) == (4, 4, 10))
  }

  @Test func perfectClustersScoreOneWhateverTheirNumbers() {
    let scores = ClusterScores(clusters: [5, 5, 9, 7, 7], people: [1, 1, 0, 2, 2])
    #expect(scores.figures.allSatisfy { abs($0.value - 1) < 1e-12 })
  }

  @Test func extremesHaveNumbers() {
    let together = ClusterScores(clusters: [0, 0, 0, 0], people: [0, 0, 1, 1])
    #expect(together.pairwise == .init(precision: 2.0 / 6, recall: 1))
    #expect(together.normalizedMutualInformation == 0)
    let apart = ClusterScores(clusters: [0, 1, 2, 3], people: [0, 0, 1, 1])
    #expect(apart.pairwise == .init(precision: 1, recall: 0))
    #expect(apart.pairwise.harmonicMean == 0)
    #expect(apart.bCubed == .init(precision: 1, recall: 0.5))
    #expect(ClusterScores(clusters: [3], people: [8]).figures.allSatisfy { $0.value == 1 })
  }
}
