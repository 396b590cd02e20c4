import Networks
import Testing

/// Networks that cannot be meant.
@Suite struct MisuseTests {
  private static func plan() -> Plan {
    Plan(maximumRows: 2, image: MapShape(height: 4, width: 4, channels: 3))
  }

  @Test func anUnreadActivationTraps() async {
    await #expect(processExitsWith: .failure) {
      var plan = MisuseTests.plan()
      let x = plan.linear(plan.image, name: "a", outputs: 2)
      _ = plan.linear(x, name: "b", outputs: 2)
      let result = plan.linear(x, name: "c", outputs: 2)
      _ = Network(name: "loose end", plan: plan, output: result)
    }
  }

  @Test func aResultThatIsReadTraps() async {
    await #expect(processExitsWith: .failure) {
      var plan = MisuseTests.plan()
      let x = plan.linear(plan.image, name: "a", outputs: 2)
      _ = plan.linear(x, name: "b", outputs: 2)
      _ = Network(name: "result inside", plan: plan, output: x)
    }
  }

  @Test func twoParametersOfOneNameTrap() async {
    await #expect(processExitsWith: .failure) {
      var plan = MisuseTests.plan()
      let x = plan.linear(plan.image, name: "a", outputs: 2)
      _ = plan.linear(x, name: "a", outputs: 2)
    }
  }

  @Test func tooManyRowsTrap() async {
    await #expect(processExitsWith: .failure) {
      var plan = MisuseTests.plan()
      let x = plan.linear(plan.image, name: "a", outputs: 2)
      NetworkRun(Network(name: "small", plan: plan, output: x), rows: 3).run(.inference)
    }
  }
}
