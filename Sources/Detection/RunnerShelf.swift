internal import Inference

/// A graph made ready for the sizes of images that came last.
struct RunnerShelf {
  private let count: Int
  /// The newest at the end.
  private var runners: [GraphRunner] = []

  /// Keeps `count` sizes.
  init(count: Int) { self.count = count }

  /// The one for images of a size, which `make` makes where it is not kept.
  mutating func runner(
    height: Int, width: Int, _ make: () throws -> GraphRunner
  ) rethrows -> GraphRunner {
    if let place = runners.firstIndex(where: { $0.height == height && $0.width == width }) {
      let runner = runners.remove(at: place)
      runners.append(runner)
      return runner
    }
    // The memory of the oldest goes first.
    if runners.count == count { runners.removeFirst() }
    let runner = try make()
    runners.append(runner)
    return runner
  }
}
