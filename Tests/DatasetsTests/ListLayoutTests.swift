import Datasets
import Foundation
import Testing

/// Lists of photos as other programs write them.
@Suite struct ListLayoutTests {
  private let disk = TemporaryFolder()
  private let rows = [
    ("ann b/1.jpg", "0"), ("ann b/2.jpg", "0"), ("bob/1,2.jpg", "1"), ("cy/1.jpg", "7"),
  ]

  init() {
    for (photo, path) in rows.map(\.0).enumerated() {
      disk.write(path, Pictures.jpeg(8, 8, seed: photo))
    }
  }

  private func open(_ text: String) throws -> PhotoSet {
    try PhotoSet(path: disk.write("list.txt", text))
  }

  private func lines(_ line: (Int, String, String) -> String) -> [String] {
    rows.enumerated().map { line($0, $1.0, $1.1) }
  }

  @Test func oneListInEveryLayout() throws {
    let layouts: [[String]] = [
      lines { "\($1) \($2)" }, lines { "\($1)\t\($2)" }, lines { "\($1)   \($2)" },
      lines { "./\($1) \($2)" }, lines { "\(disk.path)/\($1) \($2)" },
      // Labels first; MXNet's index, label, path; InsightFace's flag, path, label.
      lines { "\($2) \($1)" }, lines { "\($2)\t\($1)" }, lines { "\($0)\t\($2).000000\t\($1)" },
      lines { "1\t\($1)\t\($2)" }, lines { "1\t\(disk.path)/\($1)\t\($2)" },
      lines { "\($1),\($2)" }, lines { "\($1);\($2)" }, lines { "\($1)\t\($2)\t" },
      ["path,label"] + lines { "\($1),\($2)" }, ["file_name label"] + lines { "\($1) \($2)" },
      ["# path label", ""] + lines { "\($1) \($2)" } + ["", "# end"],
    ]
    for layout in layouts {
      for end in ["\n", "\r\n", "\r"] {
        for mark in ["", "\u{FEFF}"] {
          let set = try open(mark + layout.joined(separator: end) + end)
          #expect(
            set.index.photos.map { $0.path.replacing("\(disk.path)/", with: "") }
              == rows.map(\.0), "\(layout[0])")
          #expect(set.index.photos.map(\.person) == [0, 0, 1, 2], "\(layout[0])")
          #expect(set.labels == [0, 1, 7], "\(layout[0])")
        }
      }
    }
  }

  /// The disk decides which of two words is the photo; it need not be that of the first line alone.
  @Test func theFirstPhotoMayBeGone() throws {
    let set = try open("7 cy/9.jpg\n8 ann b/1.jpg\n")
    #expect(set.index.photos.map(\.path) == ["ann b/1.jpg", "cy/9.jpg"])
    #expect(set.labels == [7, 8])
    let gone = #expect(throws: DatasetError.self) { try open("a/7.jpg 3\n") }
    #expect("\(gone!)".contains("names \(disk.path)/a/7.jpg, which is not there; paths are"))
  }

  @Test(arguments: [
    ("1.jpg\n", "line 1: names a photo alone, '1.jpg', that stands in no folder"),
    ("cy/1.jpg\t7\nbob/1,2.jpg 1\n", "line 2: is not 'path label' as the lines before it"),
    ("1\tcy/1.jpg\t7\n1\tcy/1.jpg\n", "line 2: is not '... path label' as the"),
    ("0\t1.0\t2.0\tcy/1.jpg\n", "line 1: has 4 cells, and nothing says which is the label"),
    ("cy/1.jpg 7\ncy/1.jpg 8\n", "says of cy/1.jpg that it shows '7' and '8'; leave one"),
    ("cy\\1.jpg 7\n", "write / in the place of \\"), ("\n\n", "names no photos"),
  ])
  func whatIsWrongIsSaidWithoutAnotherCopy(text: String, complaint: String) throws {
    let error = #expect(throws: DatasetError.self) { try open(text) }
    #expect("\(error!)".contains(complaint), "\(error!)")
    #expect(!"\(error!)".contains("copy it again"), "\(error!)")
  }

  @Test func listsThatAreNoTextAreCalledByTheirKind() throws {
    for (bytes, word) in [
      ([0xFF, 0xFE, 0x61, 0, 0x20, 0], "UTF-16"), (Pictures.jpeg(8, 8), "is a JPEG photo"),
      ([0x50, 0x4B, 3, 4], "zip archive"),
    ] as [([UInt8], String)] {
      let path = disk.write("list.txt", bytes)
      let error = #expect(throws: DatasetError.self) { try PhotoSet(path: path) }
      #expect("\(error!)".contains(word), "\(error!)")
    }
  }

  @Test func namesOfPeopleMayFollowAByteOrderMark() throws {
    let path = disk.write("people.txt", "\u{FEFF}2\r\nann\t3\r\nbob\t4\r\n")
    #expect(try PeopleList.names(in: path) == ["ann", "bob"])
    let plain = disk.write("plain.txt", "\u{FEFF}ann\rbob")
    #expect(try PeopleList.names(in: plain) == ["ann", "bob"])
  }
}
