import Measuring
import Testing

/// Files of qualities and of subsets beside stored embeddings, as people have them.
@Suite struct EvaluationFilesTests {
  private let measured: MeasuredRows
  private var folder: String { measured.folder }
  private var photos: [String] { measured.photos }

  init() throws { measured = try MeasuredRows() }

  private func quality(_ lines: [String], column: String = "", file: String = "q.csv") throws
    -> String?
  {
    try measured.write(file, lines)
    return measured.complaint { $0.quality = folder + "/" + file + column }
  }

  @Test func theTitleSaysWhichColumnIsTheName() throws {
    let rows = photos.enumerated().map { "\(0.5 + Double($0)),\($1)" }
    #expect(try quality(["q,name"] + rows) == nil)
    #expect(try quality(["q,path"] + rows, column: ":q") == nil)
    // The index of pandas, and more columns.
    #expect(
      try quality([",name,q"] + photos.enumerated().map { "\($0),\($1),\(7 - $0)" }) == nil)
    #expect(
      try quality(
        ["q,age,image"] + photos.enumerated().map { "\($0),30,\($1)" }, column: ":Q") == nil)
    let text = try #require(try quality(["name,q,age"] + photos.map { "\($0),1,2" }))
    #expect(text.contains("line 1") && text.contains("say which is the quality"))
  }

  @Test func blankLinesAreNoPhotos() throws {
    let rows = photos.map { "\($0);1" }
    #expect(try quality(["name;q"] + rows + ["", ""]) == nil)
    #expect(try quality(["name;q"] + rows + [";"]) == nil)
    #expect(try quality(["SEP=;", "name;q", ""] + rows) == nil)
    #expect(try quality(["name;q"] + rows + ["a/0.jpg"])?.contains("line 6: has 1 cells") == true)
  }

  @Test func aFileMayHaveAColonInItsName() throws {
    let rows = photos.map { "\($0),1" }
    #expect(try quality(["name,q"] + rows, file: "q:r.csv") == nil)
    #expect(try quality(["name,q"] + rows, column: ":q", file: "q:r.csv") == nil)
    let text = try #require(try quality(["name,q"] + rows, column: ":x", file: "q:r.csv"))
    #expect(text.contains("q:r.csv', line 1: has the columns name, q"))
  }

  /// The first photo would be taken for the titles, and left out.
  @Test func aFileWithoutTitlesIsRefused() throws {
    let text = try #require(try quality(photos.map { "\($0),0.5" } + ["c/9.jpg,1"]))
    #expect(text.contains("line 1") && text.contains("put a first line such as 'name,quality'"))
    #expect(
      try quality(["name;q"] + photos.map { "\($0);0,5" })?.contains("decimal comma") == true)
  }

  @Test func subsetsWithoutAPairEndInAnError() throws {
    try measured.write("groups.txt", ["a x", "b x"])
    #expect(measured.complaint { $0.subsets = folder + "/groups.txt" } == nil)
    try measured.write("groups.txt", ["race,person", "x,a", "y,b"])
    #expect(measured.complaint { $0.subsets = folder + "/groups.txt" } == nil)
    #expect(measured.complaint { $0.subsets = folder + "/groups.txt:race" } == nil)
    try measured.write("groups.txt", ["eve x", "bob y"])
    let strangers = try #require(measured.complaint { $0.subsets = folder + "/groups.txt" })
    #expect(strangers.hasPrefix("--subsets: no line of "))
    #expect(strangers.contains("names 'eve', the first photo is a/0.jpg"))
    try measured.write("groups.txt", ["a/0.jpg x"])
    #expect(
      measured.complaint { $0.subsets = folder + "/groups.txt" }?
        .contains("no pair has both photos in one subset") == true)
    // One of several sets may be of others.
    try measured.write("groups.txt", ["a x", "b x"])
    try measured.write("others.txt", ["a/0.jpg\ta/1.jpg\t1", "a/0.jpg\tb/0.jpg\t0"])
    #expect(
      measured.complaint {
        $0.pairs.append(folder + "/others.txt")
        $0.subsets = folder + "/groups.txt"
      } == nil)
  }
}
