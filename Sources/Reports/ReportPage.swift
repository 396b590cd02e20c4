/// A page of its own: one file that fetches nothing.
package enum ReportPage {
  /// Figures with rows of faces beside one another; those of `other` people stand out.
  package static let facesCSS = """
    .found{margin:0 0 12px}
    .found figcaption b{font-size:15px}
    .found figcaption span{font-size:13px;color:var(--soft)}
    .faces{display:flex;flex-wrap:wrap;gap:6px}
    .faces div{width:76px;font-size:10px;line-height:1.2;color:var(--soft);overflow:hidden;
    white-space:nowrap;text-overflow:ellipsis}
    .faces img,.faces i{display:block;width:76px;height:76px;border-radius:5px;margin-bottom:2px;
    background:var(--line)}
    .faces .other img,.faces .other i{outline:3px solid var(--c2);outline-offset:-3px}
    .faces .other{color:var(--ink);font-weight:600}
    """

  /// The HTML text of a page called `title`, in the report's style and with `css` besides.
  package static func text(title: String, css: String? = nil, _ main: [Markup]) -> String {
    let head = Markup.element(
      "head", [:],
      [
        .element("meta", ["charset": "utf-8"]),
        .element("meta", ["name": "viewport", "content": "width=device-width, initial-scale=1"]),
        .element("title", text: title), .style(ReportStyle.css),
      ] + (css.map { [.style($0)] } ?? []))
    let body = Markup.element("body", [:], [.element("main", [:], main)])
    return "<!DOCTYPE html>\n" + Markup.element("html", ["lang": "en"], [head, body]).html + "\n"
  }

  /// A titled section; nothing if there is nothing in it.
  package static func section(_ title: String, _ children: [Markup]) -> Markup {
    children.isEmpty
      ? .empty : .element("section", [:], [.element("h2", text: title)] + children)
  }
}
