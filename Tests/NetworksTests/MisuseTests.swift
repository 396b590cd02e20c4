import Networks
import Testing

/// Networks that cannot be meant.
@Suite struct MisuseTests {
  private static func plan() -> Plan {
    Plan(maximumRows: 2, image: MapShape(height: 4, width: 4, channels: 3))
  }

  /// What the process said before it died: also in release, where `precondition` is silent.
  private static func words(of result: ExitTest.Result?) -> String {
    String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
  }

  @Test func anUnreadActivationTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      var plan = MisuseTests.plan()
      let x = plan.linear(plan.image, name: "a", outputs: 2)
      _ = plan.linear(x, name: "b", outputs: 2)
      let result = plan.linear(x, name: "c", outputs: 2)
      _ = Network(name: "loose end", plan: plan, output: result)
    }
    #expect(Self.words(of: result).contains("no layer reads activation"))
  }

  @Test func aResultThatIsReadTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      var plan = MisuseTests.plan()
      let x = plan.linear(plan.image, name: "a", outputs: 2)
      _ = plan.linear(x, name: "b", outputs: 2)
      _ = Network(name: "result inside", plan: plan, output: x)
    }
    #expect(Self.words(of: result).contains("is read by a layer of the network"))
  }

  @Test func twoParametersOfOneNameTrap() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      var plan = MisuseTests.plan()
      let x = plan.linear(plan.image, name: "a", outputs: 2)
      _ = plan.linear(x, name: "a", outputs: 2)
    }
    #expect(Self.words(of: result).contains("two parameters are named a.weight"))
  }

  @Test func aConcatenationWithAGapTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      var plan = MisuseTests.plan()
      let x = plan.linear(plan.image, name: "a", outputs: 2)
      var joined = plan.concatenation(MapShape(features: 5))
      _ = plan.batchNorm(x, name: "b", into: joined.next(2))
      _ = joined.activation
    }
    #expect(Self.words(of: result).contains("2 channels written of 1x1x5"))
  }

  @Test func aReaderOfAPartOfAConcatenationTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      var plan = MisuseTests.plan()
      let x = plan.linear(plan.image, name: "a", outputs: 2)
      var joined = plan.concatenation(MapShape(features: 5))
      let part = plan.batchNorm(x, name: "b", into: joined.next(2))
      _ = plan.linear(part, name: "c", outputs: 2)
    }
    #expect(Self.words(of: result).contains("a layer reads 1x1x2 out of a concatenation of 5"))
  }

  @Test func anOutputThatDoesNotFitItsPlaceTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      var plan = MisuseTests.plan()
      let x = plan.linear(plan.image, name: "a", outputs: 2)
      var joined = plan.concatenation(MapShape(features: 5))
      _ = plan.batchNorm(x, name: "b", into: joined.next(3))
    }
    #expect(Self.words(of: result).contains("a layer writes 1x1x2 into a place of 1x1x3"))
  }

  @Test func tooManyRowsTrap() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      var plan = MisuseTests.plan()
      let x = plan.linear(plan.image, name: "a", outputs: 2)
      NetworkRun(Network(name: "small", plan: plan, output: x), rows: 3).run(.inference)
    }
    #expect(Self.words(of: result).contains("Pass: 3 images, planned for 1 to 2"))
  }
}
