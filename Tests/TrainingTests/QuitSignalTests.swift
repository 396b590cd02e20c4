import Foundation
import Sessions
import Testing

/// Ctrl-\ ends a process at once, as everywhere.
@Suite struct QuitSignalTests {
  @Test func aQuitSignalEndsTheProcess() async {
    await #expect(processExitsWith: .signal(SIGQUIT)) {
      CrashLine.install(speaker: "")
      // No core file of a test.
      var none = rlimit(rlim_cur: 0, rlim_max: 0)
      setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
      var quit = sigset_t()
      sigemptyset(&quit)
      sigaddset(&quit, SIGQUIT)
      pthread_sigmask(SIG_UNBLOCK, &quit, nil)
      raise(SIGQUIT)
    }
  }
}
