/// The style sheet of the report: light or dark as the reader's system is.
package enum ReportStyle {
  /// All of it, for a `style` element.
  package static let css = """
    :root{color-scheme:light dark;--page:#f6f7f9;--panel:#fff;--ink:#1b2430;--soft:#5d6878;
    --line:#e3e7ec;--axis:#aab3bf;--hover:rgba(40,70,120,.09);--warn:#fff4e0;--warnink:#7a4b00;
    --c1:#2b6cb8;--c2:#d8702a;--c3:#2f8f6b;--c4:#7d5bb5;--c5:#b8456a;--c6:#8a7a2c;--c7:#3b93a5;
    --c8:#7c8794}
    @media (prefers-color-scheme:dark){:root{--page:#12161c;--panel:#1a2029;--ink:#e4e8ee;
    --soft:#98a3b3;--line:#2a323d;--axis:#55606f;--hover:rgba(150,180,230,.12);--warn:#3a2c10;
    --warnink:#ffd58a;--c1:#6aa5e8;--c2:#f09a5b;--c3:#5cc39a;--c4:#af92e0;--c5:#e67c9d;
    --c6:#c9b65a;--c7:#6cc3d3;--c8:#a3adba}}
    *{box-sizing:border-box}
    body{margin:0;background:var(--page);color:var(--ink);
    font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif}
    main{max-width:1180px;margin:0 auto;padding:28px 20px 48px}
    header{margin-bottom:20px}
    h1{font-size:24px;line-height:1.25;margin:0;overflow-wrap:anywhere}
    header p{margin:2px 0 0;color:var(--soft)}
    h2{font-size:17px;margin:32px 0 12px}
    h3{font-size:14px;font-weight:600;margin:0}
    section>h3{margin:16px 0 8px;color:var(--soft)}
    .panel,.card{background:var(--panel);border:1px solid var(--line);border-radius:8px}
    .panel{margin:0;padding:12px 14px}
    .cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(176px,1fr));gap:10px}
    .card{padding:11px 14px;display:flex;flex-direction:column;min-width:0}
    .card .name,.card .detail{font-size:12.5px;color:var(--soft)}
    .card b{font-size:22px;line-height:1.35;font-weight:600;font-variant-numeric:tabular-nums}
    .card.code b{font:600 14px/2.2 ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;
    overflow-wrap:anywhere}
    .warning{background:var(--warn);color:var(--warnink);border-radius:8px;padding:10px 14px;
    margin:0 0 10px}
    .charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,400px),1fr));
    gap:12px}
    figcaption{display:flex;justify-content:space-between;align-items:baseline;gap:4px 14px;
    flex-wrap:wrap;margin-bottom:6px}
    .legend{display:flex;flex-wrap:wrap;gap:2px 14px;font-size:12.5px;color:var(--soft)}
    .legend.wide{margin-top:10px;font-size:13.5px}
    .legend.wide b{color:var(--ink);font-weight:600}
    .key{white-space:nowrap}
    .key i{display:inline-block;width:10px;height:10px;border-radius:2px;margin-right:5px}
    svg{display:block;width:100%;height:auto}
    svg text{font-size:11.5px;fill:var(--soft);font-variant-numeric:tabular-nums}
    .grid{stroke:var(--line);stroke-width:1}
    .axis,.tick{stroke:var(--axis);stroke-width:1}
    .mark{stroke:var(--ink);stroke-width:1.2;stroke-dasharray:4 4}
    .line{fill:none;stroke-width:1.8;stroke-linejoin:round}
    .faint{stroke-width:1;opacity:.38}
    .key .faint{opacity:.45}
    .area{stroke-width:1.2;fill-opacity:.28}
    .hit{fill:transparent}
    .hit:hover{fill:var(--hover)}
    .note{font-size:13px;color:var(--soft);margin:6px 0 0}
    .figures{display:grid;grid-template-columns:repeat(auto-fill,minmax(235px,1fr));gap:2px 28px;
    margin-top:12px;font-size:13.5px}
    .figures div{display:flex;justify-content:space-between;gap:14px;border-bottom:1px solid var(--line);
    padding:3px 0}
    .rates{overflow-x:auto;margin-top:12px}
    table{border-collapse:collapse;width:100%;font-size:13.5px;font-variant-numeric:tabular-nums}
    th,td{text-align:right;padding:3px 0 3px 18px;border-bottom:1px solid var(--line);
    white-space:nowrap}
    th{color:var(--soft);font-weight:500}
    th:first-child,td:first-child{text-align:left;padding-left:0}
    td.none{text-align:left;color:var(--soft)}
    dt{color:var(--soft);white-space:nowrap}
    dd{margin:0;text-align:right;font-variant-numeric:tabular-nums}
    .pairs{display:grid;grid-template-columns:repeat(auto-fill,minmax(172px,1fr));gap:10px}
    .pair{padding:8px}
    .pair div{display:flex;gap:4px}
    .pair img,.pair .missing{width:calc(50% - 2px);aspect-ratio:1;object-fit:cover;
    border-radius:4px;background:var(--line)}
    .pair .missing{align-items:center;justify-content:center;font-size:12px;color:var(--soft)}
    .pair figcaption{display:block;font-size:12px;margin:6px 2px 0;color:var(--soft);
    overflow-wrap:anywhere}
    .pair figcaption b{color:var(--ink)}
    .pair figcaption span{display:block;line-height:1.35}
    .bar{display:flex;height:26px;border-radius:5px;overflow:hidden;background:var(--line)}
    .bar i{min-width:1px}
    .facts{padding-left:32px}
    pre{font:12.5px/1.55 ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;overflow-x:auto}
    \(colors)
    @media (max-width:560px){svg text{font-size:15px}main{padding:18px 12px 32px}}
    @media print{.panel,.card{break-inside:avoid}}
    """

  /// Stroke, fill and background of every colour.
  private static let colors = (1...8).map {
    ".s\($0){stroke:var(--c\($0))}.f\($0){fill:var(--c\($0))}.b\($0){background:var(--c\($0))}"
  }.joined(separator: "\n")
}
