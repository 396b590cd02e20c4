private import Glibc
private import Preconditions

/// What a thread that nobody joins runs once.
final class DetachedBody {
  private let run: () -> Void
  private init(_ run: @escaping () -> Void) { self.run = run }

  /// Starts a thread with a stack like that of a compute thread.
  static func start(_ run: @escaping () -> Void) {
    let attributes = UnsafeMutablePointer<pthread_attr_t>.allocate(capacity: 1)
    pthread_attr_init(attributes)
    pthread_attr_setstacksize(attributes, 16 << 20)
    pthread_attr_setdetachstate(attributes, Int32(PTHREAD_CREATE_DETACHED))
    defer {
      pthread_attr_destroy(attributes)
      attributes.deallocate()
    }
    var thread = pthread_t()
    let code = pthread_create(
      &thread, attributes,
      { context in
        CrashLine.guardStack()
        Unmanaged<DetachedBody>.fromOpaque(context!).takeRetainedValue().run()
        return nil
      }, Unmanaged.passRetained(DetachedBody(run)).toOpaque())
    if code != 0 { Shortage.ofThreads("a thread beside the work", code: code) }
  }
}
