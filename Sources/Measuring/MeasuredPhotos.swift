internal import Checkpoints
package import Configuration
package import Datasets
internal import Determinism
package import Inputs
package import Scoring
internal import Sessions

/// Which photos an evaluation measures, and how many of the people on them were trained on.
extension CheckpointNetwork {
  /// The list of photos of `data` to leave out: the one that is `given`, else that of the run where
  /// these are its own photos, as it had them; nil leaves out none. Says so.
  package func exclusion(for data: DataSource, given: String?) -> String? {
    guard given == nil, let file = configuration.exclude, isOwnPlace(data) else { return given }
    let own = ownPath(file)
    session.console.say("exclude: \(own), as in training on these photos")
    return own
  }

  /// The one set of those that `sets` finds; throws `EvaluationFailure.severalSets`.
  package func plan(
    _ request: EvaluateRequest, _ own: RunConfiguration, _ opened: OpenedPhotos,
    _ preprocessing: Preprocessing
  ) throws -> EvaluationPlan {
    let sets = try sets(request, own, opened, preprocessing)
    guard sets.count == 1, sets[0].source == nil else { throw EvaluationFailure.severalSets }
    return sets[0].plan
  }

  /// What to measure: the pairs or the split that was asked for; else what the run itself held out,
  /// where this is its data, or the people that it has not seen, where that has become otherwise;
  /// else all photos.
  package func sets(
    _ request: EvaluateRequest, _ own: RunConfiguration, _ opened: OpenedPhotos,
    _ preprocessing: Preprocessing
  ) throws -> [EvaluationSet] {
    let index = opened.index
    let known = try checkpoint.trainedPeople()
    if known == nil {
      session.console.warn(
        "the checkpoint does not name its people: overlaps are not known, and no closed set")
    }
    if let namesakes = known?.namesakes(among: index.people), let first = namesakes.first {
      session.console.warn(
        "\(namesakes.count) of the \(index.people.count) people in the data have the name of one who "
          + "was trained on, below another folder, such as \(first.own) (trained on: "
          + "\(first.trained)); if they are the same, these are no strangers: give the data as "
          + "training had them")
    }
    if !request.pairs.isEmpty { return try EvaluationSet.open(request.pairs, index: index) }
    let parts: DividedPhotos?
    if request.split == nil {
      parts = division(own, opened, preprocessing, known: known)
      if parts != nil, !configuration.pairs.isEmpty {
        return try EvaluationSet.open(configuration.pairs.map(ownPath), index: index)
      }
    } else {
      parts =
        own.split == .all
        ? nil
        : try own.split.divide(
          index, seed: own.splitSeed, minPhotos: own.minPhotos, folder: opened.name)
    }
    let photos: [Int]
    if let parts {
      photos = parts.heldOut
      // A split that was asked for says nothing of whom the network was trained on.
      session.console.say(
        "data: \(opened.name): "
          + (request.split == nil
            ? parts.summary
            : "\(parts.heldOut.count) photos of \(parts.heldOutPeopleCount) people, "
              + "\(parts.training.count) of \(parts.trainingPeopleCount) people left aside "
              + "by the split"))
    } else {
      photos =
        request.split == nil
        ? unseenPhotos(own.data, index, known: known) : Array(index.photos.indices)
      let people = Set(photos.map { index.photos.person(of: $0) }).count
      session.console.say(
        "data: \(opened.name): "
          + (photos.count == index.photos.count
            ? "all \(photos.count) photos of \(people) people"
            : "\(photos.count) photos of the \(people) people that were not trained on, of "
              + "\(index.photos.count) of \(index.people.count)"))
    }
    guard !photos.isEmpty else { throw EvaluationFailure.nothingToMeasure }
    let isClosedSet = parts?.isClosedSet == true && known != nil
    return [
      EvaluationSet(
        plan: EvaluationPlan(
          index, photos: photos, seed: own.splitSeed,
          classOf: isClosedSet ? { known?.classOf(index.people[$0]) ?? -1 } : nil))
    ]
  }

  /// The division of the run itself, where `opened` are its data as it had them; nil where they are
  /// others. Warns where they are its data and it cannot be made again.
  private func division(
    _ own: RunConfiguration, _ opened: OpenedPhotos, _ preprocessing: Preprocessing,
    known: TrainedPeople?
  ) -> DividedPhotos? {
    let reason: String
    do {
      let parts = try own.split.divide(
        opened.index, seed: own.splitSeed, minPhotos: own.minPhotos, folder: opened.name)
      let found = TrainingData.fingerprint(of: opened.index, parts, preprocessing)
      if Hash64.text(found) == checkpoint.dataFingerprint { return parts }
      reason = "photos, who of them trains, or --landmarks are others"
    } catch {
      reason = "\(error)"
    }
    guard isOfRun(own.data, opened.index, known: known) else { return nil }
    session.console.warn(
      "what the run held out of these data cannot be found again (\(reason)): measured are the "
        + "people that it was not trained on, if there are any; --split all takes everybody"
        + (configuration.pairs.isEmpty
          ? ""
          : ", and --pairs \(configuration.pairs.joined(separator: ", ")) what the run measured"))
    return nil
  }

  /// The photos of the people in the run's own data that were not trained on; all photos of other
  /// data, and where all were.
  private func unseenPhotos(
    _ data: DataSource, _ index: PhotoIndex, known: TrainedPeople?
  ) -> [Int] {
    guard let known, isOfRun(data, index, known: known) else { return Array(index.photos.indices) }
    let seen = known.all.names
    let isSeen = index.people.map(seen.contains)
    let photos = index.photos.indices.filter { !isSeen[index.photos.person(of: $0)] }
    return photos.isEmpty ? Array(index.photos.indices) : photos
  }

  /// Whether `data` are the run's own, however they have changed: they lie where it had them, or
  /// have half of the people that it was trained on. Numbers for names say nothing, nor do those of
  /// drawn people, who are called alike in all data.
  private func isOfRun(
    _ data: DataSource, _ index: PhotoIndex, known: TrainedPeople?
  ) -> Bool {
    guard let known, case .folder = data, case .folder = configuration.data else { return false }
    if isOwnPlace(data) { return true }
    let names = zip(known.names, known.trains).filter { $0.1 && Int($0.0) == nil }.map(\.0)
    let people = Set(index.people)
    return !names.isEmpty && 2 * names.count(where: people.contains) >= names.count
  }

  // MARK: People who were trained on

  /// Prints of each set how many of its people were trained on, and warns where these are not
  /// nobody. `index` is that of the data, for sets that bring no photos.
  package func tellOverlaps(of sets: [EvaluationSet], in index: PhotoIndex?) throws {
    let known = try checkpoint.trainedPeople()
    for set in sets {
      let prefix = sets.count > 1 ? "\(set.name) " : ""
      guard set.source == nil, let index else {
        session.console.receipt(
          prefix + PeopleOverlap.unknownLine("the photos of \(set.plan.origin) have no names"))
        continue
      }
      guard let known else {
        session.console.receipt(
          prefix + PeopleOverlap.unknownLine("the checkpoint does not name its people"))
        continue
      }
      session.console.receipt(prefix + set.plan.overlap(in: index, with: known).line)
      try warnOfOverlap(of: set.plan, in: index)
    }
  }

  /// Warns where the people of `plan`, whose photos are those of `index`, are not all strangers.
  package func warnOfOverlap(of plan: EvaluationPlan, in index: PhotoIndex) throws {
    // In a closed set they are to be known.
    guard plan.classes == nil, let known = try checkpoint.trainedPeople(),
      let warning = plan.overlap(in: index, with: known).warning
    else { return }
    session.console.warn(warning)
  }
}
