internal import Evaluation

/// Who is in each template of IJB, by a number: the lists of 1:N say it, and a pair of one person
/// does.
package struct TemplatePeople {
  /// By place of the template, ascending from 0 in the order of the templates.
  let numbers: [Int32]
  /// How many they are.
  let count: Int

  /// The people of `features`' templates; `lists` are those of 1:N, which may be missing.
  package init(_ features: TemplateFeatures, pairs: TemplatePairs, lists: [TemplateSubjects]) {
    let places = features.places
    var sets = DisjointSets(count: features.templates.count)
    var first: [Int32: Int32] = [:]
    for list in lists {
      for (template, subject) in zip(list.templates, list.subjects) {
        guard let place = places[template] else { continue }
        if let known = first[subject] {
          sets.join(known, place)
        } else {
          first[subject] = place
        }
      }
    }
    for pair in pairs.isSame.indices where pairs.isSame[pair] {
      sets.join(pairs.first[pair], pairs.second[pair])
    }
    var known: [Int32: Int32] = [:]
    numbers = sets.labels().map { label in
      if let number = known[label] { return number }
      let next = Int32(known.count)
      known[label] = next
      return next
    }
    count = known.count
  }
}
