package import Collectives
private import Foundation

/// Where each rank runs: host, processors, NUMA nodes.
package struct RankMap: Sendable, Equatable {
  /// The place of one rank.
  package struct Place: Sendable, Equatable, Codable, Message {
    /// The rank, from 0.
    package var rank: Int
    /// The name of its host.
    package var host: String
    /// Its compute threads.
    package var threads: Int
    /// Processors that the rank may use, as a list of ranges such as `0-3,8`.
    package var processors: String
    /// NUMA nodes that these belong to, in the same form; empty where the system has none.
    package var numaNodes: String

    package init(
      rank: Int, host: String, threads: Int, processors: String, numaNodes: String
    ) {
      self.rank = rank
      self.host = host
      self.threads = threads
      self.processors = processors
      self.numaNodes = numaNodes
    }

    package func write(to writer: inout MessageWriter) {
      writer.write(rank)
      writer.write(host)
      writer.write(threads)
      writer.write(processors)
      writer.write(numaNodes)
    }

    package init(from reader: inout MessageReader) throws {
      rank = try reader.read()
      host = try reader.read()
      threads = try reader.read()
      processors = try reader.read()
      numaNodes = try reader.read()
    }
  }

  /// Lines that the console shows at most.
  private static let lineLimit = 16

  /// One a rank, in their order.
  package let places: [Place]

  /// A map of `places`, which are those of ranks 0, 1, ...
  package init(places: [Place]) { self.places = places }

  /// Gathers the places of all ranks; every rank calls it.
  package static func gather(
    over communicator: any Communicator, threads: Int,
    processors: HostProcessors = .current
  ) throws -> RankMap {
    let own = processors.allowed
    let nodes = numaNodes().filter { !$0.processors.isDisjoint(with: own) }.map(\.node)
    let place = Place(
      rank: communicator.rank, host: communicator.hostName, threads: threads,
      processors: rangeText(own.sorted()), numaNodes: rangeText(nodes.sorted()))
    return RankMap(places: try communicator.allGather(value: place))
  }

  /// Ranks that are alike and neighbours in one line: `ranks 0-3 on n1: 2 threads each, ...`.
  package var lines: [String] {
    var groups: [[Place]] = []
    for place in places {
      if let last = groups.last?.last, last.host == place.host, last.threads == place.threads,
        last.processors == place.processors, last.numaNodes == place.numaNodes
      {
        groups[groups.count - 1].append(place)
      } else {
        groups.append([place])
      }
    }
    let lines = groups.map { group in
      let first = group[0]
      let ranks =
        group.count == 1
        ? "rank \(first.rank)" : "ranks \(first.rank)-\(group[group.count - 1].rank)"
      return "\(ranks) on \(first.host): \(first.threads) "
        + "thread\(first.threads == 1 ? "" : "s")\(group.count > 1 ? " each" : "")"
        + (first.processors.isEmpty ? "" : ", processors \(first.processors)")
        + (first.numaNodes.isEmpty ? "" : ", NUMA \(first.numaNodes)")
    }
    guard lines.count > Self.lineLimit else { return lines }
    return Array(lines.prefix(Self.lineLimit - 1))
      + ["... and \(lines.count - Self.lineLimit + 1) more lines in log.txt"]
  }

  /// All places as one JSON array in one line.
  package var json: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return (try? encoder.encode(places)).map { String(decoding: $0, as: UTF8.self) } ?? "[]"
  }

  /// `0-3,8` for 0, 1, 2, 3, 8.
  package static func rangeText(_ numbers: [Int]) -> String {
    var ranges: [ClosedRange<Int>] = []
    for number in numbers {
      if let last = ranges.last, last.upperBound + 1 == number {
        ranges[ranges.count - 1] = last.lowerBound...number
      } else {
        ranges.append(number...number)
      }
    }
    return ranges.map {
      $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)"
    }.joined(separator: ",")
  }

  /// The numbers of `0-3,8`.
  package static func numbers(_ text: some StringProtocol) -> Set<Int> {
    Set(
      text.split(separator: ",").flatMap { part -> [Int] in
        let ends = part.split(separator: "-").compactMap { Int($0) }
        guard let first = ends.first, let last = ends.last, first <= last else { return [] }
        return Array(first...last)
      })
  }

  /// The NUMA nodes of this host and their processors, from sysfs.
  private static func numaNodes() -> [(node: Int, processors: Set<Int>)] {
    let folder = "/sys/devices/system/node"
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.compactMap { name in
      guard name.hasPrefix("node"), let node = Int(name.dropFirst(4)),
        let bytes = FileManager.default.contents(atPath: "\(folder)/\(name)/cpulist")
      else { return nil }
      let text = String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }
      return (node, numbers(text))
    }
  }
}
