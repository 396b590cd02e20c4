internal import Interchange

/// The photos of IJB by row: which template and which medium (a photo or a video) each belongs to.
///
/// `face_tid_mid.txt` has a line `photo template medium` each, `name_5pts_score.txt` the same
/// photos in the same order with five points and the detector's score behind them.
package struct TemplateList {
  /// Paths by row.
  package let photos: [String]
  /// The template of each row.
  package let templates: [Int32]
  /// The photo or video of each row.
  package let media: [Int32]
  /// x1 y1 ... x5 y5 by row, in pixels of the loose crop.
  package let points: [[Double]]
  /// By row, as the detector gave them.
  package let detectorScores: [Double]

  /// Reads both files; throws `InterchangeError` for a line that is none, for other counts and for
  /// another order.
  package init(templates path: String, points pointsPath: String) throws {
    var photos: [String] = []
    var templates: [Int32] = []
    var media: [Int32] = []
    for (index, line) in try TextFile.lines(of: path).enumerated() where !line.isEmpty {
      let words = line.split(whereSeparator: \.isWhitespace)
      guard words.count == 3, let template = Int32(words[1]), let medium = Int32(words[2]) else {
        throw InterchangeError.badLine(
          path: path, line: index + 1, reason: "is not 'photo template medium'")
      }
      photos.append(String(words[0]))
      templates.append(template)
      media.append(medium)
    }
    guard !photos.isEmpty else {
      throw InterchangeError.malformed(path: path, reason: "it is empty")
    }
    var points: [[Double]] = []
    var scores: [Double] = []
    for (index, line) in try TextFile.lines(of: pointsPath).enumerated() where !line.isEmpty {
      let words = line.split(whereSeparator: \.isWhitespace)
      let numbers = words.dropFirst().compactMap { Double($0) }
      guard words.count == 12, numbers.count == 11, numbers.allSatisfy(\.isFinite) else {
        throw InterchangeError.badLine(
          path: pointsPath, line: index + 1,
          reason: "is not 'photo x1 y1 ... x5 y5 score' with eleven numbers")
      }
      let row = points.count
      if row < photos.count, words[0] != photos[row] {
        throw InterchangeError.badLine(
          path: pointsPath, line: index + 1,
          reason:
            "is of \(words[0]), the same row of '\(path)' of \(photos[row]): the two files are "
            + "in different order, and every score after it would be another photo's")
      }
      points.append(Array(numbers.prefix(10)))
      scores.append(numbers[10])
    }
    guard points.count == photos.count else {
      throw InterchangeError.malformed(
        path: pointsPath, reason: "it has \(points.count) photos, '\(path)' has \(photos.count)")
    }
    var rows: [String: Int] = [:]
    for (row, photo) in photos.enumerated() {
      guard let known = rows.updateValue(row, forKey: photo), points[known] != points[row] else {
        continue
      }
      throw InterchangeError.malformed(
        path: pointsPath, reason: "it has two lines with other points for \(photo)")
    }
    self.photos = photos
    self.templates = templates
    self.media = media
    self.points = points
    detectorScores = scores
  }
}

/// The pairs of templates of IJB's 1:1 protocol (`template_pair_label.txt`).
package struct TemplatePairs {
  /// Places of templates in the list that was asked for.
  package private(set) var first: [Int32] = []
  /// Those of the other template of each pair.
  package private(set) var second: [Int32] = []
  /// Whether a pair is of one person.
  package private(set) var isSame: [Bool] = []
  /// What is most likely not meant with the list, a sentence each.
  package private(set) var warnings: [String] = []

  /// Reads lines `template template 1`, 0 or -1 for two people; `places` says where a template is.
  /// Throws `InterchangeError`, also for a template that is in no photo.
  package init(path: String, places: [Int32: Int32]) throws {
    func place(_ template: Int, _ line: Int) throws -> Int32 {
      if let id = Int32(exactly: template), let place = places[id] { return place }
      throw InterchangeError.badLine(
        path: path, line: line,
        reason: "names template \(template), which has no photo in face_tid_mid.txt")
    }
    var (first, second, isSame) = ([Int32](), [Int32](), [Bool]())
    var number = 0
    try Self.forEachLine(of: path) { line in
      number += 1
      var values = (0, 0, 0)
      let count = Self.numbers(of: line, into: &values)
      if count == 0 { return }
      guard count == 3, values.0 >= 0, values.1 >= 0, (-1...1).contains(values.2) else {
        throw InterchangeError.badLine(
          path: path, line: number, reason: "is not 'template template 1', or 0 for two people")
      }
      first.append(try place(values.0, number))
      second.append(try place(values.1, number))
      isSame.append(values.2 == 1)
    }
    guard !isSame.isEmpty else {
      throw InterchangeError.malformed(path: path, reason: "it has no pairs, or is not there")
    }
    guard isSame.contains(true), isSame.contains(false) else {
      throw InterchangeError.malformed(
        path: path, reason: "its \(isSame.count) pairs are all of one kind; it takes both")
    }
    (self.first, self.second, self.isSame) = (first, second, isSame)
    warnings = doubts()
  }

  /// Lends `body` the lines of the file at `path`, whose ends are those of Unix, Windows or old
  /// Macs, without a byte order mark.
  private static func forEachLine(
    of path: String, _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
    try TextLines.forEach(path) { line, offset, _ in
      var line = line
      if offset == 0, line.starts(with: mark) {
        line = UnsafeRawBufferPointer(rebasing: line[mark.count...])
      }
      if line.last == 0x0D { line = UnsafeRawBufferPointer(rebasing: line.dropLast()) }
      guard line.contains(0x0D) else { return try body(line) }
      for part in line.split(separator: 0x0D) {
        try body(UnsafeRawBufferPointer(rebasing: part))
      }
    }
  }

  /// What a list of photos' pairs is warned of too: pairs that stand there twice, with one answer
  /// or two, and pairs of a template with itself.
  private func doubts() -> [String] {
    // Template, template, answer; places are below 2^31.
    var keys = isSame.indices.map { pair in
      let (a, b) = (UInt64(first[pair]), UInt64(second[pair]))
      return min(a, b) << 33 | max(a, b) << 1 | (isSame[pair] ? 1 : 0)
    }
    keys.sort()
    let own = keys.count { $0 >> 33 == ($0 >> 1) & 0xFFFF_FFFF }
    var (repeated, contrary) = (0, 0)
    for (key, next) in zip(keys, keys.dropFirst()) {
      if key == next {
        repeated += 1
      } else if key >> 1 == next >> 1 {
        contrary += 1
      }
    }
    var warnings: [String] = []
    if own > 0 {
      warnings.append("\(own) pairs are of a template with itself, which is as near as can be")
    }
    if contrary > 0 {
      warnings.append(
        "\(contrary) pairs of two templates have both answers; leave out those that are wrong")
    }
    if repeated > 0 { warnings.append("\(repeated) pairs stand in the list again") }
    return warnings
  }

  /// The whole numbers of a line, three of them kept; their count, -1 for anything else. The
  /// one negative number is -1.
  private static func numbers(
    of line: UnsafeRawBufferPointer, into values: inout (Int, Int, Int)
  ) -> Int {
    var count = 0
    var at = 0
    while at < line.count {
      let byte = line[at]
      if byte == 0x20 || byte == 0x09 || byte == 0x0D || byte == 0x2C {
        at += 1
        continue
      }
      var value = 0
      let isNegative = byte == 0x2D
      if isNegative { at += 1 }
      let start = at
      while at < line.count, line[at] >= 0x30, line[at] <= 0x39, at - start < 10 {
        value = 10 * value + Int(line[at] - 0x30)
        at += 1
      }
      if at == start || isNegative && value != 1 { return -1 }
      if isNegative { value = -1 }
      switch count {
      case 0: values.0 = value
      case 1: values.1 = value
      default: values.2 = value
      }
      count += 1
    }
    return count
  }
}

/// A list of templates with their people, of IJB's 1:N protocol (`1N_gallery_G1.csv`).
package struct TemplateSubjects {
  /// Each template once, ascending, with the person that its first line names.
  package let templates: [Int32]
  /// The person of each.
  package let subjects: [Int32]

  /// Reads lines `template,person,...`, the first of which may be titles; throws
  /// `InterchangeError`.
  package init(path: String) throws {
    var subjects: [Int32: Int32] = [:]
    for (index, line) in try TextFile.lines(of: path).enumerated() where !line.isEmpty {
      let cells =
        line.utf8.contains(UInt8(ascii: "\""))
        ? LineCells.split(line[...], separator: ",").map { $0[...] }
        : line.split(separator: ",", maxSplits: 2, omittingEmptySubsequences: false)
      if index == 0, cells.prefix(2).allSatisfy({ Int32($0) == nil }) { continue }
      guard cells.count > 1, let template = Int32(cells[0]), let subject = Int32(cells[1]) else {
        throw InterchangeError.badLine(
          path: path, line: index + 1, reason: "is not 'template,person,...'")
      }
      if let known = subjects[template], known != subject {
        throw InterchangeError.badLine(
          path: path, line: index + 1,
          reason:
            "says that template \(template) is of person \(subject), a line before of \(known)")
      }
      subjects[template] = subject
    }
    guard !subjects.isEmpty else {
      throw InterchangeError.malformed(path: path, reason: "it names no templates")
    }
    templates = subjects.keys.sorted()
    self.subjects = templates.map { subjects[$0]! }
  }
}
