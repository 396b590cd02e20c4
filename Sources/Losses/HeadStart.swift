/// What class weights start from: `--head-start`.
package enum HeadStart: String, Sendable, Equatable, CaseIterable {
  /// Random numbers.
  case drawn
  /// The mean embedding of each person, by the first weights of the network.
  case centres
  /// The rows that the first weights come with, by name, and the mean embedding of new people.
  case trained
}
