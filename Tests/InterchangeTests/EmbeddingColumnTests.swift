import Interchange
import Testing

/// Tables of embeddings whose columns are in another order, have holes, or are no numbers.
@Suite struct EmbeddingColumnTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func table(_ text: String) throws -> CSVTable {
    try CSVTable(path: folder.write(Array(text.utf8), "t.csv"))
  }

  /// `sorted(columns)` gives e0, e1, e10, e11, e2, ...
  @Test(arguments: ["e", "", "emb_"])
  func columnsAreTakenByTheirNumber(stem: String) throws {
    let order = (0..<12).map(String.init).sorted()
    let text =
      "path," + order.map { stem + $0 }.joined(separator: ",") + "\na,"
      + order.map { $0 + ".5" }.joined(separator: ",") + "\n"
    let table = try table(text)
    #expect(table.columns == 12 && table.values == (0..<12).map { Float($0) + 0.5 })
    #expect(table.passedOver.isEmpty && table.uncounted.isEmpty)
  }

  @Test(arguments: [
    ("path,e0,e1,e3\na,1,2,3\n", "has no column between 'e1' and 'e3'"),
    ("path,e0,e1,e01\na,1,2,3\n", "has 'e1' and 'e01', one number of an embedding twice"),
    ("path,e2,e3\na,1,2\n", "counts columns from 'e2' on, not from 0 or 1"),
    (
      "path,mean_0,mean_1,std_0,std_1\na,1,2,3,4\n",
      "counts columns in several words, 'mean_0' to 'mean_1' and 'std_0' to 'std_1'"
    ),
    (
      "path,aa,ab,ac,ad,cam\na,.5,.25,.5,1.5,1\nb,.5,.25,.5,2.5,2\n",
      "has a column 'cam', which is no number of an embedding"
    ),
    (
      "path,aa,ab,ac,ad,lens\na,.5,.25,.5,1.5,1\nb,.5,.25,.5,2.5,2\n",
      "has a column 'lens' of whole numbers beside others that are none"
    ),
    ("path,e0,e1\n\n\n", "has no photo below it"),
    ("path;e0;e1\na;0,5;1,5\n", "'0,5' is no number: it has a decimal comma"),
    ("path,embedding\na,\"[0.1, ..., 0.2]\"\n", "cut short with '...'"),
    ("path,embedding\na,\"[1, 2]\"\nb,\"[1]\"\n", "has 1 numbers in its list, the first one 2"),
    ("path,p,q\na,\"[1, 2]\",\"[3, 4]\"\n", "has lists in the columns 'p' and 'q'"),
  ])
  func whatIsAmbiguousIsRefusedByName(text: String, reason: String) throws {
    let error = try #require(#expect(throws: InterchangeError.self) { try table(text) })
    #expect("\(error)".contains(reason), "\(error)")
  }

  /// A face's place is counted beside its embedding.
  @Test func aFacesPlaceIsPassedOver() throws {
    let table = try table("path,bbox_0,bbox_1,bbox_2,e0,e1\na,7,8,9,1.5,-2\n")
    #expect(table.values == [1.5, -2] && table.passedOver == ["bbox_0", "bbox_1", "bbox_2"])
  }

  @Test func titlesThatDoNotCountAreNamed() throws {
    let table = try table(",path,aa,ab,zz\n0,a,0.5,1.5,0\n1,b,2.5,3.5,0\n")
    #expect(table.names == ["a", "b"] && table.columns == 3)
    #expect(table.uncounted == ["aa", "zz"] && table.passedOver == [""])
  }

  @Test(arguments: [
    "path,embedding\na,\"[1.5, -2]\"\nb,\"[3, 4]\"\n",
    "embedding,path\n[1.5 -2],a\n[3. 4.],b\n",
    ",path,bbox,embedding\n0,a,\"[9, 9]\",\"[1.5, -2]\"\n1,b,\"[9, 9]\",\"[ 3.\n  4.]\"\n",
  ])
  func aColumnOfListsIsRead(text: String) throws {
    let table = try table(text)
    #expect(table.names == ["a", "b"] && table.columns == 2 && table.values == [1.5, -2, 3, 4])
  }

  @Test func theFirstLineOfASpreadsheetIsNoHeader() throws {
    let table = try table("sep=|\r\npath|e0|e1\r\na|1.5|-2\r\nb|3|4\r\n")
    #expect(table.names == ["a", "b"] && table.values == [1.5, -2, 3, 4])
  }

  @Test func blankLinesAreNoPhotos() throws {
    let table = try table("path,e0,e1\na,1.5,-2\n\nb,3,4\n\n\n")
    #expect(table.names == ["a", "b"] && table.values == [1.5, -2, 3, 4])
  }
}
