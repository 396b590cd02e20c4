// Looks at a page as a reader would see it and leaves what is wrong with it in a last paragraph.
addEventListener("error", (event) => found.push("error: " + event.message), true);
const found = [];
addEventListener("load", () => {
  const say = (text) => found.push(text);
  for (const svg of document.querySelectorAll("svg")) {
    const frame = svg.getBoundingClientRect();
    const name = svg.getAttribute("aria-label") || "";
    if (!name) say("a drawing without a name");
    const boxes = [];
    for (const text of svg.querySelectorAll("text")) {
      const box = text.getBoundingClientRect();
      const outside = Math.max(
        frame.left - box.left, box.right - frame.right, frame.top - box.top, box.bottom - frame.bottom);
      if (outside > 1) say(`${name}: '${text.textContent}' leaves its drawing by ${outside.toFixed(1)} px`);
      for (const other of boxes) {
        if (box.left < other.box.right - 1 && other.box.left < box.right - 1 &&
          box.top < other.box.bottom - 2 && other.box.top < box.bottom - 2)
          say(`${name}: '${text.textContent}' lies on '${other.text}'`);
      }
      boxes.push({ box, text: text.textContent });
    }
  }
  for (const image of document.images) {
    if (!image.complete || image.naturalWidth === 0) say("a picture that does not show: " + image.alt);
    if (!image.hasAttribute("alt")) say("a picture without words");
  }
  for (const entry of performance.getEntriesByType("resource"))
    if (!entry.name.startsWith("data:")) say("asks for " + entry.name);
  const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  if (wide > 1) say(`is ${wide} px wider than its window`);
  // What moves sideways in a box of its own has to be reached by keys.
  for (const box of document.querySelectorAll("*")) {
    const style = getComputedStyle(box);
    if (/auto|scroll/.test(style.overflowX) && box.scrollWidth > box.clientWidth + 1 && box.tabIndex < 0)
      say(`no key reaches what <${box.tagName.toLowerCase()} class="${box.className}"> hides`);
  }
  // Writing on its ground, as WCAG 2 has it: 4.5 to 1.
  const parts = (colour) => (colour.match(/[\d.]+/g) || []).map(Number);
  const light = (colour) => {
    const [r, g, b] = parts(colour).map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const pale = new Set();
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || element.closest("title, style, script")) continue;
    let ground = element;
    while (ground && (parts(getComputedStyle(ground).backgroundColor)[3] === 0)) ground = ground.parentElement;
    const style = getComputedStyle(element);
    const ink = element.namespaceURI.endsWith("svg") ? style.fill : style.color;
    const [a, b] = [light(ink), light(ground ? getComputedStyle(ground).backgroundColor : "rgb(255,255,255)")];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const what = `${ink} on its ground: ${ratio.toFixed(1)} to 1`;
    if (ratio < 4.5 && !pale.has(what)) {
      pale.add(what);
      say(`'${element.textContent.trim().slice(0, 30)}' in ${what}`);
    }
  }
  const out = document.createElement("pre");
  out.id = "probe";
  out.textContent = found.length ? found.join("\n") : "nothing";
  document.body.append(out);
});
