"""Writes Tests/LossesTests/Golden/triplet.json: triplet losses and gradients by PyTorch's autograd.

Run with torch 2 installed: python scripts/golden/triplet.py
The loss is the SUM over triplets of [ |a - p|^2 - |a - n|^2 + margin ]_+ of normalised embeddings, in
float64 (Schroff et al. 2015, equation 3); the rules that choose triplets are written out below.
"""

import json
import math
import pathlib

import torch
from torch.nn.functional import normalize

ROWS, WIDTH = 24, 10
labels = [0, 1, 2, 0, 3, 1, 4, 2, 0, 5, 1, 6, 2, 0, 3, 1, 7, 2, 0, 8, 4, 9, 3, 10]
embeddings = [
    [
        round(math.sin(1.7 * (i * WIDTH + k) + 0.3 * i) + 0.8 * math.cos(labels[i] * 2.1 + k), 3)
        for k in range(WIDTH)
    ]
    for i in range(ROWS)
]


def distances(x):
    unit = normalize(x)
    return (unit[:, None, :] - unit[None, :, :]).square().sum(-1)


def choose(d, mode, margin):
    """The triplets of `mode`, ties to the lower slot."""
    triplets = []
    for a in range(ROWS):
        positives = [p for p in range(ROWS) if p != a and labels[p] == labels[a]]
        negatives = [n for n in range(ROWS) if labels[n] != labels[a]]
        if mode == "batch-hard" and positives:
            p = max(positives, key=lambda p: (d[a][p], -p))
            positives = [p]
        for p in positives:
            near = [n for n in negatives if d[a][n] < d[a][p] + margin]
            band = [n for n in near if d[a][n] > d[a][p]]
            if mode == "all":
                triplets += [(a, p, n) for n in near]
            else:
                pool = band if mode == "semi-hard" else near
                if pool:
                    triplets.append((a, p, min(pool, key=lambda n: (d[a][n], n))))
    return triplets


def run(mode, margin):
    x = torch.tensor(embeddings, dtype=torch.float64, requires_grad=True)
    d = distances(x)
    triplets = choose(d.tolist(), mode, margin)
    loss = torch.zeros((), dtype=torch.float64)
    for a, p, n in triplets:
        loss = loss + torch.relu(d[a, p] - d[a, n] + margin)
    loss.backward()
    return {"mode": mode, "margin": margin, "triplets": triplets,
            "loss": float(f"{loss.item():.14g}"),
            "dx": [float(f"{v:.14g}") for v in x.grad.flatten().tolist()]}


cases = [run(mode, margin) for mode in ("semi-hard", "hardest", "batch-hard", "all")
         for margin in (0.2, 0.7)]
path = pathlib.Path(__file__).parents[2] / "Tests/LossesTests/Golden/triplet.json"
golden = {"torch": torch.__version__.split("+")[0], "embeddings": sum(embeddings, []),
          "labels": labels, "rows": ROWS, "width": WIDTH, "cases": cases}
path.write_text(json.dumps(golden).replace('{"mode"', '\n{"mode"') + "\n")
