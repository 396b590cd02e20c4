import Datasets
import Testing

/// People who were trained on and are found again from another folder.
@Suite struct NamesakeTests {
  @Test func theLastPartOfANameIsCompared() {
    let people = TrainedPeople(
      names: ["Ann", "set/Bob", "Eve", "x/Joe"], trains: [true, true, false, true])
    let found = people.namesakes(among: ["Ann", "faces/Ann", "Bob", "faces/Eve", "y/Joe", "Zoe"])
    #expect(found.map(\.own) == ["faces/Ann", "Bob", "y/Joe"])
    #expect(found.map(\.trained) == ["Ann", "set/Bob", "x/Joe"])
  }
}
