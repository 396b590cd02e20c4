#!/usr/bin/env python3
"""figures.py METRICS PAGE: every figure of the last evaluation in metrics.jsonl stands on the page,
in a row of its name, to the digits that it shows; of a VAL that too few pairs decide, why there is
none. Prints those that do not."""

import html
import json
import re
import sys

metrics, page = (open(path, encoding="utf-8").read() for path in sys.argv[1:3])
evaluations = [line for line in metrics.splitlines() if line.startswith('{"evaluation"')]
figures = json.loads(evaluations[-1])["evaluation"]
cells = [html.unescape(cell) for cell in re.findall(r"<d[td][^>]*>([^<]*)</d[td]>", page)]
shown = dict(zip(cells, cells[1:]))
missing = []
for name, value in figures.items():
    if name in ("step", "evaluation_seconds", "sets"):
        continue
    # What stands beside a figure falls with it.
    main = re.sub("-(std|reached)$", "", name)
    text = shown.get(main if name not in shown and main.startswith("VAL") else name, "")
    refusal = re.fullmatch(r"insufficient data: (\d+) pairs of two people, and it takes (\d+)", text)
    if refusal and name.startswith("VAL@FAR="):
        strangers, needed = map(int, refusal.groups())
        if strangers < needed == max(20, round(1 / float(main[8:]))) and strangers < figures["pairs"]:
            continue
    digits = len(text.partition(".")[2])
    if not re.fullmatch(r"-?\d+(\.\d+)?", text) or abs(float(text) - value) > 0.5001 * 10.0**-digits:
        missing.append(f"{name} is {value}, the page has '{text}'")
print("\n".join(missing))
sys.exit(1 if missing or not figures else 0)
