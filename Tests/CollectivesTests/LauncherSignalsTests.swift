import Collectives
import Testing

/// What is said of signals that a launcher does not hand on, by the processes above a rank.
@Suite struct LauncherSignalsTests {
  private func note(_ names: String...) -> String? {
    LauncherSignals.note(
      ofLaunchers: names.enumerated().map { (name: $0.element, process: 100 + $0.offset) })
  }

  @Test func launchersThatHandAllOnAreNotSpokenOf() {
    #expect(note("mpirun", "bash") == nil)
    #expect(note("prterun", "bash") == nil)
    #expect(note("slurmstepd") == nil)
    #expect(note() == nil)
    // A shell between: whoever started the shell is not this rank's launcher.
    #expect(note("bash", "hydra_pmi_proxy", "mpirun") == nil)
  }

  @Test func hydraEndsOfSomeSignals() throws {
    let mpich = try #require(note("hydra_pmi_proxy", "mpirun", "bash"))
    #expect(mpich.contains("SIGUSR2 and SIGHUP end it") && !mpich.contains("script"))
    // On the hosts that a job was not started on, the proxy's parent is another.
    #expect(note("hydra_pmi_proxy", "sshd") == mpich)
  }

  @Test func theScriptOfIntelIsNamedAndWhatToSignalInstead() throws {
    let intel = try #require(
      note("hydra_pmi_proxy", "hydra_bstrap_pr", "mpiexec.hydra", "mpirun", "bash"))
    #expect(intel.hasSuffix("signal mpiexec.hydra, process 102"))
    #expect(intel.contains("mpirun above it is a script"))
  }
}
