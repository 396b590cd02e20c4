import Evaluation
import Foundation
import Interchange
import Testing

/// Files that divide people into subsets, in the forms that people write.
@Suite final class SubsetsFileTests {
  private let path = NSTemporaryDirectory() + UUID().uuidString
  private let photos = ["ann b/1.jpg", "ann b/2.jpg", "bob/1.jpg", "cy/0/7.png"]

  deinit { try? FileManager.default.removeItem(atPath: path) }

  private func file(_ text: String, column: String? = nil) throws -> SubsetsFile {
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    return try SubsetsFile(TableColumn(column.map { path + ":" + $0 } ?? path))
  }

  /// The subset of each photo by its name.
  private func found(_ text: String, column: String? = nil) throws -> [String?] {
    let parts = try file(text, column: column).parts(of: photos)
    return parts.subsets.map { $0.map { parts.names[$0] } }
  }

  private func complaint(_ text: String, column: String? = nil) -> String? {
    do {
      _ = try found(text, column: column)
      return nil
    } catch { return "\(error)" }
  }

  @Test(arguments: [
    "ann b\tx\nbob\ty\ncy/0\ty\n", "ann b,x\nbob,y\n0,y\n", "ann b;x\nbob;y\ncy;y\n",
    "ann b|x\nbob|y\ncy|y\n", "ann b x\nbob y\ncy/0/7.png y\n", "\"ann b\" x\nbob y\ncy y\n",
    // Excel's first line, comments, blank lines, a cell too many at the end.
    "sep=;\nann b;x\nbob;y\ncy;y\n", "SEP=|\r\nann b|x\r\nbob|y\r\ncy|y\r\n",
    "# groups\nann b,x,\n\nbob,y,\ncy,y,\n",
    // Titles.
    "person,ethnic_group\nann b,x\nbob,y\ncy,y\n", "name\tlabel\nann b\tx\nbob\ty\ncy\ty\n",
    "Race,Subject ID\nx,ann b\ny,bob\ny,cy\n",
    ",person,age,race\n0,ann b,7,x\n1,bob,8,y\n2,cy,9,y\n",
    "label,race\nann b,x\nbob,y\ncy,y\n",
    // The subset first.
    "x,ann b\ny,bob\ny,cy\n", "x ann b\ny bob\ny cy\n",
    "x\tann b/1.jpg\nx\tann b/2.jpg\ny\tbob\ny\tcy\n",
    // Names as photos are called elsewhere: no ending, another one, parts more or less, Windows.
    "./ann b/,x\nset/bob/,y\ncy/0/7.jpg,y\n", "ann b/1,x\nann b/2.png,x\nset/bob/1.jpg,y\n7,y\n",
    "ann b\\1.jpg,x\nann b\\2.jpg,x\n.\\bob,y\ncy\\0,y\n",
  ])
  func oneDivisionInEveryForm(text: String) throws {
    if text.contains(",age,") {
      #expect(try found(text, column: "race") == ["x", "x", "y", "y"])
    } else {
      #expect(try found(text) == ["x", "x", "y", "y"])
    }
  }

  /// The person `1` is a folder, although photos are called so too.
  @Test func aFolderComesBeforeAPhotoOfThatName() throws {
    try "1,x\n2,y\n2/1.jpg,z\n".write(toFile: path, atomically: true, encoding: .utf8)
    let parts = try SubsetsFile(path: path).parts(of: ["1/1.jpg", "2/1.jpg", "2/2.jpg"])
    #expect(parts.names == ["x", "y", "z"] && parts.subsets == [0, 2, 1])
  }

  @Test(
    arguments: [
      ("ann b,x\nbob\n", nil, "line 2: is not 'person subset'"),
      ("ann b,x,1\nbob,y,2\n", nil, "line 1: has 3 cells, and nothing says which is the subset"),
      (
        "person,race,gender\nann b,x,1\n", nil,
        "several columns that may be the subset, 'race', 'gender'"
      ),
      ("person,race\nann b,x\n", "age", "has no column 'age'; its columns are 'person', 'race'"),
      ("ann b,x\nbob,y\n", "race", "has no titles, and so no column 'race'"),
      ("person,race\nann b\n", nil, "line 2: has 1 cells, the titles 2"),
      ("ann b,x\nann b/,y\n", nil, "line 2: puts 'ann b/' into 'y', line 1 puts it into 'x'"),
      ("1.jpg,x\n", nil, "line 1: names '1.jpg', which may be ann b/1.jpg, bob/1.jpg"),
      ("\n# nothing\n", nil, "it has no line 'person subset'"),
    ] as [(String, String?, String)])
  func whatIsWrongIsSaidByItsLine(text: String, column: String?, reason: String) throws {
    let said = try #require(complaint(text, column: column))
    #expect(said.contains(reason), "\(said)")
  }

  @Test func titlesAndTheOtherOrderAreTold() throws {
    #expect(try file("ann b,x\nbob,y\n").parts(of: photos).remark == nil)
    let titled = try file("person,race\nann b,x\n").parts(of: photos).remark
    #expect(titled?.hasSuffix("names from column 'person', subsets from 'race'") == true)
    let turned = try file("x,ann b\ny,bob\n").parts(of: photos).remark
    #expect(turned?.hasSuffix("the subset stands before the name") == true)
  }

  @Test func aFileOfOtherPeopleSaysWhomItNames() throws {
    let parts = try file("eve,x\n").parts(of: photos)
    #expect(parts.subsets == [nil, nil, nil, nil])
    let strangers = try #require(parts.strangers)
    #expect(strangers.contains("names 'eve', the first photo is ann b/1.jpg"))
    #expect(try file("bob,x\n").parts(of: photos).strangers == nil)
  }
}
