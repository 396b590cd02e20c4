import Foundation
import Interchange
import Testing

/// A path as people write it means one thing.
@Suite struct UserPathTests {
  private static let home = ProcessInfo.processInfo.environment["HOME"] ?? NSHomeDirectory()

  @Test(arguments: ["faces", "./~x", "/a/~b", "a b", "../x", "cost$", "$1", "a$b/c", "./-", "-x"])
  func whatNoShellChangesIsTakenAsItStands(text: String) throws {
    #expect(try UserPath.read(text) == text)
  }

  @Test func aTildeIsTheHomeFolder() throws {
    #expect(try UserPath.read("~") == Self.home)
    #expect(try UserPath.read("~/runs/a b") == Self.home + "/runs/a b")
  }

  @Test(arguments: [
    ("~bob/x", "'./~bob/x'"), ("~~", "'./~~'"), ("$HOME/faces", "variable $HOME"),
    ("/scratch/${USER}/faces", "variable ${USER}"), ("a/$SCRATCH", "variable $SCRATCH"),
    ("", "empty"), ("a\0b", "zero byte"), ("-", "write /dev/stdout or /dev/stdin"),
  ])
  func whatOnlyAShellUnderstandsIsRefusedWithAWayOut(text: String, words: String) {
    do {
      let path = try UserPath.read(text)
      Issue.record("'\(text)' is '\(path)'")
    } catch {
      #expect("\(error)".contains(words), "\(error)")
    }
  }

  @Test func aFolderThatIsThereUnderSuchANameIsTaken() throws {
    let folder = try TemporaryFolder()
    let odd = folder.file("$ODD")
    try FileManager.default.createDirectory(atPath: odd, withIntermediateDirectories: false)
    #expect(try UserPath.read(odd) == odd)
    #expect(throws: UserPath.Failure.self) { try UserPath.read(odd + "S/x") }
  }

  @Test func pathsOfAListAreBelowTheListUnlessTheySayOtherwise() {
    #expect(UserPath.inList("a/b.jpg", below: "/data") == "/data/a/b.jpg")
    #expect(UserPath.inList("/x/b.jpg", below: "/data") == "/x/b.jpg")
    #expect(UserPath.inList("~/b.jpg", below: "/data") == Self.home + "/b.jpg")
    #expect(UserPath.inList("~b.jpg", below: "/data") == "/data/~b.jpg")
  }
}
