internal import Interchange

/// What can be wrong with the data a user names; each description says what to do.
package enum DatasetError: Error, CustomStringConvertible, Equatable, Sendable {
  case noSuchFolder(String)
  case notAFolder(String)
  case unreadable(path: String, reason: String)
  case notUTF8(path: String)
  case noPhotos(folder: String, passedOver: String? = nil)
  case onlyOnePerson(folder: String, person: String)
  case noPositivePair(folder: String)
  case fewerPhotosThanBatch(photos: Int, batch: Int)
  case badOption(name: String, text: String, reason: String)
  case badLine(path: String, line: Int, reason: String)
  case noNameFound(list: String, first: String, folder: String)
  case emptyTrainingPart(reason: String)
  case missingLandmarks(file: String, count: Int, first: String, other: String?)
  case tooManyBadPhotos(count: Int, total: Int, limit: Double, list: [String])
  case noReplacement(photo: String, tried: Int)
  case photoOutOfReach(photo: String, reason: String)
  /// Bytes that are not those that were written.
  case badPack(path: String, reason: String)
  /// Data that are whole and cannot be used as they are; `reason` says what to do.
  case unusable(path: String, reason: String)

  /// One line of at most a thousand characters, whatever the data's own words in it are; bad photos
  /// have a line each.
  package var description: String {
    if case .tooManyBadPhotos = self { return sentence }
    return String(sentence.split(whereSeparator: \.isNewline).joined(separator: " ").prefix(1000))
  }

  private var sentence: String {
    switch self {
    case .noSuchFolder(let path):
      "no such folder or file: \(path); check the path"
    case .notAFolder(let path):
      "not a folder: \(path); --data names a folder of person/photo.jpg"
    case .unreadable(let path, let reason):
      "cannot read \(path): \(reason); \(Self.cure(of: reason))"
    case .notUTF8(let path):
      "a name that is not UTF-8: \(path); rename it (convmv does a whole tree)"
    case .noPhotos(let folder, let passedOver):
      "no JPEG, PNG or WebP photo in \(folder) or below; "
        + (passedOver ?? "lay it out as person/photo.jpg")
    case .onlyOnePerson(let folder, let person):
      "only one person (\(person)) in \(folder); two are the least to tell apart, one folder each"
    case .noPositivePair(let folder):
      "nobody in the training part of \(folder) has two photos, so there is no positive pair for "
        + "loss triplet; add photos, change --split, or take another loss"
    case .fewerPhotosThanBatch(let photos, let batch):
      "\(photos) training photos are fewer than a batch of \(batch); lower --batch or add photos"
    case .badOption(let name, let text, let reason):
      "\(name) \(text): \(reason)"
    case .badLine(let path, let line, let reason):
      "\(path), line \(line): \(reason)"
    case .noNameFound(let list, let first, let folder):
      "none of the names in \(list) is a folder in \(folder): the first line names '\(first)'; give one "
        + "person a line, as the folders are called"
    case .emptyTrainingPart(let reason):
      "nothing to train on: \(reason)"
    case .missingLandmarks(let file, let count, let first, let other):
      "\(file) has no landmarks for \(count) photos, the first is \(first)"
        + (other.map { "; it names others, such as \($0)" } ?? "; add them or drop the photos")
    case .tooManyBadPhotos(let count, let total, let limit, let list):
      "\(count) of \(total) photos are bad, more than --max-bad \(Self.percent(limit)); "
        + "repair or remove them, or raise --max-bad"
        + (list.isEmpty ? "" : ":\n" + list.joined(separator: "\n"))
    case .noReplacement(let photo, let tried):
      "\(photo) is bad and so were \(tried) replacements; check the folder and its mount"
    case .photoOutOfReach(let photo, let reason):
      "\(photo) \(reason); it was there when the folder was listed: check the disk and the mount of "
        + "this host, then resume or start again"
    case .badPack(let path, let reason):
      "\(path) \(reason); copy it again, or give the data as their program wrote them"
    case .unusable(let path, let reason): "\(path) \(reason)"
    }
  }

  /// What helps against what the system says of a file.
  private static func cure(of reason: String) -> String {
    let reason = reason.lowercased()
    if reason.contains("no such file") { return "check the path" }
    if reason.contains("permission denied") { return "check its permissions" }
    if reason.contains("regular file") || reason.contains("is a directory") { return "give a file" }
    return "check its permissions and its mount"
  }

  private static func percent(_ fraction: Double) -> String {
    let tenths = (fraction * 1000).rounded() / 10
    return tenths == tenths.rounded() ? "\(Int(tenths)) %" : "\(tenths) %"
  }
}

extension DatasetError {
  /// What `error`, of a text file at `path`, is for somebody who gave data.
  init(_ error: any Error, path: String) {
    switch error {
    case InterchangeError.foreign(let path, let reason):
      self = .unusable(path: path, reason: reason)
    case InterchangeError.badLine(let path, let line, let reason):
      self = .badLine(path: path, line: line, reason: reason)
    case InterchangeError.unreadable(let path, let reason):
      self = .unreadable(path: path, reason: reason)
    default: self = .unreadable(path: path, reason: "\(error)")
    }
  }
}
