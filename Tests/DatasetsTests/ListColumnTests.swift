import Datasets
import Foundation
import Testing

/// Which columns of a list are taken, as pandas, spreadsheets and people write them.
@Suite struct ListColumnTests {
  private let disk = TemporaryFolder()
  /// Folders of the people's names stand in the root, as the labels do in lists.
  private let rows = [
    ("ann/1.jpg", "ann"), ("ann/2.jpg", "ann"), ("bob/1.jpg", "bob"), ("cy d/1.jpg", "cy d"),
  ]

  init() {
    for (photo, path) in rows.map(\.0).enumerated() {
      disk.write(path, Pictures.jpeg(8, 8, seed: photo))
    }
  }

  private func open(_ text: String) throws -> PhotoSet {
    try PhotoSet(path: disk.write("list.txt", text))
  }

  private func lines(_ titles: String?, _ line: (Int, String, String) -> String) -> String {
    ([titles].compactMap { $0 } + rows.enumerated().map { line($0, $1.0, $1.1) })
      .joined(separator: "\n") + "\n"
  }

  private func expectAll(
    _ text: String, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let set = try open(text)
    let head = text.prefix(60)
    #expect(
      set.index.photos.map(\.path) == rows.map(\.0), "\(head)", sourceLocation: sourceLocation)
    #expect(set.index.people == ["ann", "bob", "cy d"], "\(head)", sourceLocation: sourceLocation)
    #expect(
      set.index.photos.map(\.person) == [0, 0, 1, 2], "\(head)", sourceLocation: sourceLocation)
    #expect(set.notes.warnings.isEmpty, "\(set.notes.warnings)", sourceLocation: sourceLocation)
  }

  private func complaint(_ text: String) throws -> String {
    "\(try #require(#expect(throws: DatasetError.self) { try open(text) }))"
  }

  /// A label that is the name of a folder beside the list is no photo.
  @Test func labelsThatAreFoldersAreNotTakenForPhotos() throws {
    for mark in ["\t", ",", ";"] {
      try expectAll(lines(nil) { "\($2)\(mark)\($1)" })
      try expectAll(lines(nil) { "\($1)\(mark)\($2)" })
      try expectAll(lines("label\(mark)path") { "\($2)\(mark)\($1)" })
    }
    let set = try open("ann ann/1.jpg\nann ann/2.jpg\nbob bob/1.jpg\n")
    #expect(set.index.photos.map(\.path) == ["ann/1.jpg", "ann/2.jpg", "bob/1.jpg"])
  }

  @Test func titlesSayWhichColumnIsWhich() throws {
    for (photo, label) in [
      ("image_id", "person_id"), ("filepath", "subject_id"), ("File Name", "Identity"),
      ("img_path", "class"), ("image", "celebrity"), ("path", "target"), ("filename", "name"),
    ] {
      try expectAll(lines("\(photo),\(label)") { "\($1),\($2)" })
      try expectAll(lines("\(label),\(photo)") { "\($2),\($1)" })
      try expectAll(lines("split;\(label);score;\(photo)") { "train;\($2);0.\($0);\($1)" })
    }
    let set = try open(lines("split,person,note,path") { "train,\($2),\($0),\($1)" })
    #expect(
      set.notes.remarks == [
        "list.txt: photos from column 'path', labels from column 'person'; not used: 'split', "
          + "'note'"
      ])
  }

  @Test func tablesOfPandasAreRead() throws {
    try expectAll(lines(",path,label") { "\($0),\($1),\($2)" })
    try expectAll(lines("\"path\",\"label\"") { "\"\($1)\",\"\($2)\"" })
    try expectAll(lines("path,label,split") { "\($1),\($2),train" })
    try expectAll(lines(nil) { "\($0),\($1),\($2)" })
    try expectAll(lines(nil) { "\($1),\($2)," })
    try expectAll(lines(nil) { "\($0)\t\($1)\t\($2)" })
    try expectAll(lines(nil) { "\($0)\t\($2)\t\($1)" })
    try expectAll(lines("\tpath\tlabel") { "\($0)\t\"\($1)\"\t\($2)" })
    let set = try open("ann/1.jpg,\"Smith, Ann\"\nbob/1.jpg,\"Smith, \"\"Bob\"\"\"\n")
    #expect(
      Set(set.index.photos.map { $0.path }) == ["ann/1.jpg", "bob/1.jpg"]
        && Set(set.index.people) == ["ann", "bob"])
    let together = try open("ann/1.jpg,\"Smith, A\"\nbob/1.jpg,\"Smith, A\"\ncy d/1.jpg,\"Cy\"\n")
    #expect(together.index.people == ["Cy", "Smith, A"])
    let quoted = try open("\"ann/1.jpg\" ann\n\"bob/1.jpg\" bob\n")
    #expect(quoted.index.photos.map(\.path) == ["ann/1.jpg", "bob/1.jpg"])
  }

  @Test func whatTitlesDoNotSettleIsAsked() throws {
    #expect(
      try complaint(lines(nil) { "\($1)\t\($2)\t0.98" })
        .contains("line 1: has 3 cells, and nothing says which is the label"))
    #expect(try complaint(lines(nil) { "\($1),\($2),\($0 * 7)" }).contains("line of titles"))
    #expect(try complaint("ann/1.jpg 1 1\nbob/1.jpg 2 1\n").contains("line of titles"))
    #expect(
      try complaint(lines("bild,wer") { "\($1),\($2)" })
        .contains("line 1: names 'bild', which is no photo that is there; if these are titles"))
    #expect(
      try complaint(lines("path,label") { "\($2),\($1)" }).contains("exchange the titles"))
    #expect(
      try complaint(lines("path,index,split") { number, path, _ in "\(path),\(number),a" })
        .contains("no column for the"))
    #expect(
      try complaint(lines("path,label,split") { "a,\($1),\($2),train" }).contains("line 2: is not"))
  }

  @Test func linesOfTwoKindsAreNotCalledTwins() throws {
    let text = try complaint("ann/1.jpg 1\nann/2.jpg 1\n1 bob/1.jpg\n")
    #expect(text.contains("lines of two kinds") && !text.contains("twice"), "\(text)")
    let several = try complaint("ann/1.jpg 1\nann/2.jpg 1\n2 bob/1.jpg\n2 cy d/1.jpg\n")
    #expect(several.contains("lines of two kinds"), "\(several)")
  }

  @Test func photosNamedAgainAreCountedByWhetherTheirLabelsAgree() throws {
    let text = lines(nil) { "\($1)\t\($2)" }
    for again in ["ann/1.jpg\tann\n", "./ann/1.jpg\tann\n", "ann//1.jpg\tann\n"] {
      let set = try open(text + again + "ann/2.jpg\tann\n")
      #expect(set.index.photos.map(\.path) == rows.map(\.0))
      #expect(
        set.notes.warnings == [
          "\(disk.path)/list.txt: 2 lines name a photo again, with the same label, such as "
            + "ann/1.jpg; each photo counts once"
        ])
    }
    let wrong = try complaint(text + "ann/1.jpg\tbob\nann/2.jpg\tbob\nbob/1.jpg\tbob\n")
    #expect(wrong.contains("says of ann/1.jpg that it shows 'ann' and 'bob'"), "\(wrong)")
    #expect(wrong.contains("in 2 lines in all; 1 more name a photo again with the same"))
  }

  @Test func pathsAloneMeanTheirFolders() throws {
    try expectAll(lines(nil) { _, path, _ in path })
    try expectAll(lines("path") { _, path, _ in path })
    let set = try open(lines(nil) { _, path, _ in path })
    #expect(set.notes.remarks.first?.contains("people by the photos' folders") == true)
    disk.write("alone.jpg", Pictures.jpeg(8, 8))
    #expect(
      try complaint("ann/1.jpg\nalone.jpg\n")
        .contains("line 2: names a photo alone, 'alone.jpg', that stands in no folder"))
  }

  private static func problem(of photo: Int, in set: PhotoSet) -> ImageError? {
    do throws(ImageError) {
      try set.source.read(photo, into: ByteBuffer())
      return nil
    } catch {
      return error
    }
  }

  /// As a link to nowhere in a folder, it is one of `--max-bad`.
  @Test func aListedPhotoThatIsMissingIsNamedAndBad() throws {
    let many = (0..<20).map { "many/\($0).jpg" }
    for path in many { disk.write(path, Pictures.jpeg(8, 8)) }
    let listed = many + ["many/20.jpg", "gone/1.jpg", "bob/1.jpg"]
    let list = disk.write("list.txt", listed.map { "\($0) \($0.first!)\n" }.joined())
    let table = disk.write(
      "metadata.csv", "file_name,label\n" + listed.map { "\($0),\($0.first!)\n" }.joined())
    for path in [list, table] {
      let set = try PhotoSet(path: path)
      let gone = set.notes.warnings.filter { $0.contains("2 of the 23 photos that are named are") }
      #expect(gone.count == 1 && gone[0].contains("such as gone/1.jpg"), "\(set.notes.warnings)")
      for (photo, facts) in set.index.photos.enumerated() {
        let isMissing = ["many/20.jpg", "gone/1.jpg"].contains(facts.path)
        let problem = Self.problem(of: photo, in: set)
        #expect(problem.map { !$0.isOfMachine } == (isMissing ? true : nil), "\(facts.path)")
      }
    }
    // One that vanishes later is the machine's affair.
    let set = try PhotoSet(path: list)
    try FileManager.default.removeItem(atPath: disk.path + "/bob/1.jpg")
    #expect(Self.problem(of: 0, in: set)?.isOfMachine == true)
  }
}
