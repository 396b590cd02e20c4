import Datasets
import Foundation
import Testing

/// What a command is given for something else, such as its pairs, is not passed over.
@Suite struct UsedFilesTests {
  private static let jpeg = Pictures.jpeg(16, 16)

  /// `kind count example`, by kind.
  private func groups(_ set: PhotoSet) -> [String] {
    set.notes.passedOver.groups.map { "\($0.kind) \($0.count) \($0.example)" }.sorted()
  }

  @Test func filesAmongThePhotosThatHaveAnotherUseAreNotCounted() throws {
    let disk = TemporaryFolder()
    for name in ["ann/1.jpg", "bob/1.jpg"] { disk.write(name, Self.jpeg) }
    for name in ["agedb.bin", "lfw.bin", "ann/pairs.txt", "read me.txt"] { disk.write(name, "x") }
    disk.link("link.bin", to: "/dev/null")
    let folder = disk.path
    #expect(
      groups(try PhotoSet(path: folder)) == [".bin 3 agedb.bin", ".txt 2 ann/pairs.txt"])
    // The rest keeps an example that is its own.
    let used = try PhotoSet(
      path: folder, besides: [folder + "/agedb.bin", folder + "//ann/../ann/pairs.txt"])
    #expect(groups(used) == [".bin 2 lfw.bin", ".txt 1 read me.txt"])
    #expect(used.notes.passedOver.folders(limit: 9).map(\.folder) == ["."])
    // A link by its own name; what lies elsewhere, or nowhere, is none of these.
    let others = try PhotoSet(
      path: folder,
      besides: [folder + "/link.bin", "/elsewhere/lfw.bin", "lfw.bin", folder + "/gone.txt"])
    #expect(groups(others) == [".bin 2 agedb.bin", ".txt 2 ann/pairs.txt"])
  }

  @Test func filesBesideAPackThatHaveAnotherUseAreNotCounted() throws {
    let (disk, out) = (TemporaryFolder(), TemporaryFolder())
    for name in ["ann/1.jpg", "bob/1.jpg"] { disk.write(name, Self.jpeg) }
    _ = try PackWriter.write(PhotoSet(path: disk.path), as: .rec, to: out.path + "/faces_emore")
    for name in ["lfw.bin", "cfp_fp.bin"] { out.write("faces_emore/" + name, "x") }
    let pack = out.path + "/faces_emore"
    #expect(groups(try PhotoSet(path: pack)) == [".bin 2 cfp_fp.bin"])
    #expect(groups(try PhotoSet(path: pack, besides: [pack + "/cfp_fp.bin"])) == [".bin 1 lfw.bin"])
    let all = try PhotoSet(path: pack, besides: [pack + "/cfp_fp.bin", pack + "/lfw.bin"])
    #expect(all.notes.passedOver.count == 0 && all.notes.passedOver.lines.isEmpty)
  }

  @Test func filesBesideMetadataThatHaveAnotherUseAreNotCounted() throws {
    let disk = TemporaryFolder()
    for name in ["a.jpg", "b.jpg"] { disk.write(name, Self.jpeg) }
    disk.write("metadata.csv", "file_name,label\na.jpg,ann\nb.jpg,bob\n")
    for name in ["points.csv", "pairs.csv"] { disk.write(name, "x") }
    #expect(groups(try PhotoSet(path: disk.path)) == [".csv 2 pairs.csv"])
    let used = try PhotoSet(path: disk.path, besides: [disk.path + "/pairs.csv"])
    #expect(groups(used) == [".csv 1 points.csv"])
  }
}
