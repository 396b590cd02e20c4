/// A piece of HTML that is well formed by construction: text is escaped, elements are closed.
package struct Markup: Sendable {
  /// The HTML itself.
  package private(set) var html: String

  /// Nothing.
  static let empty = Markup(html: "")

  /// `text` as it should be read.
  package static func text(_ text: String) -> Markup { Markup(html: escape(text)) }

  /// An element `name` with `attributes` around `children`; without children it closes itself.
  package static func element(
    _ name: String, _ attributes: KeyValuePairs<String, String> = [:], _ children: [Markup] = []
  ) -> Markup {
    var html = "<\(name)"
    for (key, value) in attributes { html += " \(key)=\"\(escape(value))\"" }
    // HTML closes only void and foreign elements by a slash; others need their end tag.
    if children.isEmpty, selfClosing.contains(name) { return Markup(html: html + "/>") }
    html += ">"
    for child in children { html += child.html }
    return Markup(html: html + "</\(name)>")
  }

  /// An element around plain text.
  package static func element(
    _ name: String, _ attributes: KeyValuePairs<String, String> = [:], text: String
  ) -> Markup {
    element(name, attributes, [.text(text)])
  }

  /// A style sheet of our own, which must not hold user text.
  package static func style(_ css: String) -> Markup { Markup(html: "<style>\(css)</style>") }

  private static let selfClosing: Set<String> = [
    "meta", "img", "rect", "path", "line", "circle",
  ]

  /// Characters that mean something in HTML become references; control characters, which no
  /// document may hold, become the replacement character.
  static func escape(_ text: String) -> String {
    var result = ""
    result.reserveCapacity(text.utf8.count)
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      case "\n", "\t": result.unicodeScalars.append(scalar)
      case "\r": continue
      default:
        let isControl = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
        result.unicodeScalars.append(isControl ? "\u{FFFD}" : scalar)
      }
    }
    return result
  }
}
