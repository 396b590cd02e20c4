internal import Datasets
internal import Evaluation
private import Foundation
internal import Reports
internal import Sessions

/// Photos in clusters, each meant to be one person.
struct ClusterAnswer: Encodable {
  struct Cluster: Encodable, Equatable {
    /// Places in the list of photos, ascending.
    let members: [Int]
    /// The person most of the photos with a label are of, of equals the first, and how many are.
    let person: String?
    let ofPerson: Int
  }

  let method: String
  /// Nil where the number of clusters was given.
  let threshold: Double?
  let thresholdRule: String?
  let photos: [String]
  let people: [String?]
  /// The largest first, of equals the one with the first photo; those of one photo at the end.
  let clusters: [Cluster]
  let figures: [String: Double]
  let scores: ClusterScores?
  /// Photos that are in no cluster, as nothing can be said of them.
  let unreadable: [UnreadablePhoto]

  private enum CodingKeys: CodingKey {
    case method, threshold, thresholdRule, photos, people, clusters, figures, unreadable
  }

  /// Clusters `faces`, all of them sound, as `request` asks; `threshold` is asked for where it
  /// decides. Throws `TaskError`.
  init(
    _ faces: TaskFaces, unreadable: [UnreadablePhoto], request: ClusterRequest,
    threshold: () throws -> ChosenThreshold
  ) throws {
    method = request.method.rawValue
    self.unreadable = unreadable
    photos = faces.names
    people = faces.people
    let labels: [Int]
    var chosen: ChosenThreshold?
    switch request.method {
    case .kMeans:
      guard let count = request.clusterCount else { throw TaskError.needsClusterCount }
      labels = KMeans(faces.embeddings, clusterCount: count, seed: request.seed).labels
    case .averageLinkage:
      try Self.checkMemory(photos: faces.names.count)
      if let count = request.clusterCount {
        labels = AverageLinkage(faces.embeddings).labels(clusterCount: count)
      } else {
        let own = try threshold()
        chosen = own
        labels = AverageLinkage(faces.embeddings, below: own.value).labels(below: own.value)
      }
    }
    self.threshold = chosen?.value
    thresholdRule = chosen?.text
    clusters = Self.group(labels, people: faces.people)
    let known = labels.indices.filter { faces.people[$0] != nil }
    if known.isEmpty {
      scores = nil
    } else {
      var numbers: [String: Int] = [:]
      let truth = known.map { photo -> Int in
        let person = faces.people[photo]!
        if numbers[person] == nil { numbers[person] = numbers.count }
        return numbers[person]!
      }
      scores = ClusterScores(clusters: known.map { labels[$0] }, people: truth)
    }
    figures = Dictionary(
      uniqueKeysWithValues: (scores?.figures ?? []).map { ($0.name, $0.value) })
  }

  private static func checkMemory(photos: Int) throws {
    let needed = 4 * AverageLinkage.triangleCount(photos)
    let physical = HostMemory.current.totalBytes
    guard needed < physical / 4 * 3 else {
      throw TaskError.tooManyToCluster(
        count: photos, neededBytes: needed, physicalBytes: physical)
    }
  }

  private static func group(_ labels: [Int], people: [String?]) -> [Cluster] {
    var members: [[Int]] = Array(repeating: [], count: (labels.max() ?? -1) + 1)
    for (photo, label) in labels.enumerated() { members[label].append(photo) }
    return members.filter { !$0.isEmpty }
      .sorted { ($1.count, $0[0]) < ($0.count, $1[0]) }
      .map { photos in
        var counts: [String: Int] = [:]
        for photo in photos {
          if let person = people[photo] { counts[person, default: 0] += 1 }
        }
        let most = counts.values.max() ?? 0
        let person = photos.lazy.compactMap { people[$0] }.first { counts[$0] == most }
        return Cluster(members: photos, person: person, ofPerson: most)
      }
  }

  /// Clusters of more than one photo.
  var groups: ArraySlice<Cluster> { clusters.prefix { $0.members.count > 1 } }

  /// Photos that are in a cluster with no other.
  var aloneCount: Int { clusters.count - groups.count }

  /// How it was done, in one line.
  var summary: String {
    let how = threshold.map { "\(method) below \(Figure.text($0, digits: 4))" } ?? method
    return "\(photos.count) photos in \(groups.count) clusters by \(how), \(aloneCount) alone"
      + (unreadable.isEmpty ? "" : ", \(unreadable.count) unreadable")
  }

  /// A row a cluster, at most `rowLimit` of them, then the figures where folders tell who is who.
  func lines(rowLimit: Int = 50) -> [String] {
    let hasPeople = scores != nil
    var columns = [
      (title: "cluster", isNumber: true), (title: "photos", isNumber: true),
    ]
    if hasPeople { columns += [("of one person", true), ("person", false)] }
    columns.append(("first photo", false))
    var table = ColumnTable(columns)
    for (number, cluster) in groups.prefix(rowLimit).enumerated() {
      let person =
        hasPeople ? ["\(cluster.ofPerson)", cluster.person ?? ""] : []
      table.append(
        ["\(number + 1)", "\(cluster.members.count)"] + person + [photos[cluster.members[0]]])
    }
    var lines = groups.isEmpty ? [] : table.lines
    if groups.count > rowLimit { lines.append("and \(groups.count - rowLimit) more clusters") }
    lines += UnreadablePhoto.lines(unreadable)
    lines.append(summary)
    if let thresholdRule { lines.append("threshold \(thresholdRule)") }
    if let scores {
      lines.append(
        "scored: \(scores.photoCount) photos of \(scores.personCount) people by their folders")
      lines += scores.figures.map(\.line)
    }
    return lines
  }

  /// Every photo with the number of its cluster, in the order of photos.
  var table: ColumnTable {
    var numbers = [Int](repeating: 0, count: photos.count)
    for (number, cluster) in clusters.enumerated() {
      for photo in cluster.members { numbers[photo] = number + 1 }
    }
    var table = ColumnTable([("photo", false), ("cluster", true), ("person", false)])
    for (photo, name) in photos.enumerated() {
      table.append([name, "\(numbers[photo])", people[photo] ?? ""])
    }
    return table
  }
}
