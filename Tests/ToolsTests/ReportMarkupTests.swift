import Testing

/// A strict reader of the HTML our report writes: every element closed in order, every attribute
/// quoted, every `&` a known reference.
enum MarkupCheck {
  /// What is wrong with `html`, or nil.
  static func problem(in html: String) -> String? {
    var rest = Substring(html)
    guard rest.hasPrefix("<!DOCTYPE html>\n") else { return "no document type" }
    rest.removeFirst("<!DOCTYPE html>\n".count)
    var open: [Substring] = []
    while let start = rest.firstIndex(of: "<") {
      if let problem = textProblem(rest[..<start]) { return problem }
      rest = rest[rest.index(after: start)...]
      guard let end = rest.firstIndex(of: ">") else { return "an element without an end" }
      let tag = rest[..<end]
      rest = rest[rest.index(after: end)...]
      if tag.hasPrefix("/") {
        let last = open.popLast()
        if last != tag.dropFirst() { return "</\(tag.dropFirst())> closes \(last ?? "nothing")" }
        continue
      }
      let name = tag.prefix { $0.isLetter || $0.isNumber }
      if name.isEmpty { return "no name in <\(tag.prefix(40))>" }
      let isClosed = tag.hasSuffix("/")
      if let problem = attributeProblem(tag.dropFirst(name.count).dropLast(isClosed ? 1 : 0)) {
        return "\(problem) in <\(tag.prefix(60))>"
      }
      if !isClosed { open.append(name) }
      if name == "style", let close = rest.range(of: "</style>") {
        rest = rest[close.lowerBound...]
      }
    }
    return open.isEmpty ? textProblem(rest) : "\(open) never closed"
  }

  /// The attributes must be ` name="value"` and nothing else, each name once.
  private static func attributeProblem(_ text: Substring) -> String? {
    var rest = text
    var names: Set<Substring> = []
    while !rest.isEmpty {
      guard rest.first == " " else { return "no space before an attribute" }
      rest.removeFirst()
      let name = rest.prefix { $0 != "=" && $0 != " " }
      rest = rest.dropFirst(name.count)
      guard !name.isEmpty, rest.hasPrefix("=\"") else { return "an attribute without a value" }
      if !names.insert(name).inserted { return "attribute \(name) twice" }
      rest = rest.dropFirst(2)
      guard let quote = rest.firstIndex(of: "\"") else { return "an open quote" }
      if let problem = textProblem(rest[..<quote]) { return problem }
      rest = rest[rest.index(after: quote)...]
    }
    return nil
  }

  private static func textProblem(_ text: Substring) -> String? {
    if text.utf8.contains(UInt8(ascii: ">")) { return "a bare > in '\(text.prefix(40))'" }
    for piece in text.split(separator: "&", omittingEmptySubsequences: false).dropFirst() {
      let known = ["amp;", "lt;", "gt;", "quot;", "#39;"].contains { piece.hasPrefix($0) }
      if !known { return "a bare & before '\(piece.prefix(20))'" }
    }
    return nil
  }
}

extension Substring {
  /// The first place of `text`.
  fileprivate func range(of text: String) -> Range<Index>? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
      formIndex(after: &start)
    }
    return nil
  }
}

/// The reader itself must be able to refuse.
@Suite struct ReportMarkupTests {
  private func check(_ body: String) -> String? {
    MarkupCheck.problem(in: "<!DOCTYPE html>\n" + body)
  }

  @Test func acceptsWhatIsWellFormed() {
    #expect(check("<p class=\"a b\">x &amp; y<img src=\"data:,\"/></p>") == nil)
    #expect(check("<style>a>b{c:d}</style>") == nil)
  }

  @Test(arguments: [
    "<p>", "<p></b>", "<p><b></p></b>", "</p>", "<p class=a></p>", "<p class></p>",
    "<p a=\"1\" a=\"2\"></p>", "<p>a & b</p>", "<p>a > b</p>", "<p a=\"x", "<3", "<p a=\"&\"></p>",
  ]) func refusesWhatIsNot(body: String) {
    #expect(check(body) != nil)
  }
}
