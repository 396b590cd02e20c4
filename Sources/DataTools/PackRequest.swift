internal import Configuration
package import Datasets
internal import Interchange
internal import Sessions
internal import Threads

/// What `ddp-train pack` is asked.
package struct PackRequest: Sendable {
  /// Photos in any form that `--data` takes.
  package var data: String
  /// The format of the pack.
  package var form: PackWriter.Form
  /// The pack to write.
  package var out: String
  /// The largest share of photos that may be bad and are left out.
  package var maxBad = RunConfiguration.demo.maxBad
  /// A list of photos and people to leave out.
  package var exclude: String?

  /// `form` is `rec` or `tar`; nil for another word.
  package init?(data: String, form: String, out: String) {
    guard let form = PackWriter.Form(rawValue: form) else { return nil }
    self.data = data
    self.form = form
    self.out = out
  }
}

extension PackRequest {
  /// Writes a pack of the photos that can be decoded; returns what to say. Throws what is wrong in
  /// one line, `DatasetError.tooManyBadPhotos` with the list, and that it was asked to end, by a
  /// signal that is heard; then nothing of it is left.
  package func run() throws -> [String] {
    let (data, form, out, exclude, stop) = (data, form, out, exclude, StopSignals())
    try PackWriter.checkName(of: form, to: out)
    let paths = PackWriter.paths(of: form, to: out)
    try checkFiles(paths)
    let isNew = !FileReader.exists(paths.pack)
    let oldProperty = isNew ? paths.property.flatMap { try? TextFile.read($0) } : nil
    do {
      let whole = try ToolWork.run("listing \(data)", stop: stop) {
        try PhotoSet(path: data, besides: [exclude].compactMap(\.self), meter: $0)
          .excluding(exclude, data: data)
      }
      let bad = try ToolWork.decode(0..<whole.index.photos.count, of: whole, stop: stop)
        .badPhotos(of: whole)
      let set = try sound(whole, bad: bad)
      let files = try ToolWork.run("packing photos") { meter in
        meter.expect(set.index.photos.count)
        return try PackWriter.write(set, as: form, to: out) { _ in
          meter.add()
          if stop.wantsEnd { throw Interruption() }
        }
      }
      var lines = whole.notes.lines + bad.map { "bad photo: \($0.line)" }
      if let lone = set.index.lonePhotosWarning { lines.append("warning: \(lone)") }
      if let path = paths.property, let old = oldProperty, try TextFile.read(path) != old {
        let text = old.split(whereSeparator: \.isNewline).joined(separator: " ")
        lines.append(
          "warning: \(path) was of another pack and said '\(text)'; a folder has one for its "
            + "train.rec: give each pack a folder of its own, as with --out FOLDER")
      }
      return lines + [summary(of: set, in: files, from: whole)]
    } catch is Interruption {
      throw ToolError.interrupted(out: out)
    }
  }

  /// `whole` without its `bad` photos; throws `DatasetError.tooManyBadPhotos`, and `.unusable`
  /// where no other is left.
  private func sound(_ whole: PhotoSet, bad: [BadPhoto]) throws(DatasetError) -> PhotoSet {
    let ledger = BadPhotoLedger()
    ledger.merge(bad)
    try ledger.check(total: whole.index.photos.count, limit: maxBad)
    guard bad.count < whole.index.photos.count else {
      throw .unusable(
        path: data,
        reason:
          "has no photo that can be decoded: \(bad[0].line); look at all with 'ddp-train check'"
      )
    }
    return whole.leavingOut(Set(bad.map(\.photo)))
  }

  /// "118 photos of 12 people in faces.tar; 2 bad photos left out, and with them 1 person who has
  /// no other".
  private func summary(of set: PhotoSet, in files: [String], from whole: PhotoSet) -> String {
    let (photos, people) = (set.index.photos.count, set.index.people.count)
    var text = "\(photos) photos of \(people) people in \(files.joined(separator: ", "))"
    let bad = whole.index.photos.count - photos
    if bad > 0 { text += "; \(bad) bad photo\(bad == 1 ? "" : "s") left out" }
    let lost = whole.index.people.count - people
    if lost > 0 {
      text += ", and with them \(lost) \(lost == 1 ? "person who has" : "people who have") no other"
    }
    return text
  }

  /// Throws `CommandFiles.Conflict` where one of `paths` is what the pack is made of, or a file
  /// that no pack has put there.
  private func checkFiles(_ paths: PackWriter.Paths) throws {
    // The files of a folder that is not there yet are all new.
    guard !paths.makesFolder || FileReader.exists(out) else { return }
    try CommandFiles.check { files in
      files.readData(data, as: "the data")
      files.read(exclude, as: "--exclude")
      files.write(paths.pack, as: "--out")
      for path in paths.beside { files.write(path, beside: paths.pack, as: "--out") }
    }
  }
}
