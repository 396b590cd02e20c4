package import Datasets
package import Sessions

extension DataNotes {
  /// Says on `console` what was made out of the data, what is passed over and what is most likely
  /// not meant.
  package func tell(_ console: Console) {
    for remark in remarks { console.say(remark) }
    for line in passedOver.lines { console.say(line) }
    for warning in allWarnings { console.warn(warning) }
  }
}
