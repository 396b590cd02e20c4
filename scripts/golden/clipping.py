"""Writes Tests/OptimizersTests/Golden/clipping.json: gradients that PyTorch has clipped.

Run with torch 2 installed: python scripts/golden/clipping.py
torch.nn.utils.clip_grad_norm_ in float64, over tensors that are one vector for us.
"""

import json
import math
import pathlib

import torch

SIZES = [5, 1, 12]

# Scales of the gradient, and limits: far above the limit, at it, below, and nothing to clip at all.
CASES = [
    (1.0, 5.0), (1.0, 0.1), (40.0, 5.0), (1e-3, 1e-4), (1e-7, 1e-8), (1e6, 1.0), (0.0, 5.0),
]


def gradient(scale):
    return [
        torch.tensor(
            [round(math.cos(0.9 * i + 2.1 * t), 3) * scale for i in range(size)],
            dtype=torch.float64,
        )
        for t, size in enumerate(SIZES)
    ]


def clip(scale, limit):
    parameters = [torch.zeros(size, dtype=torch.float64, requires_grad=True) for size in SIZES]
    for parameter, value in zip(parameters, gradient(scale)):
        parameter.grad = value.clone()
    norm = torch.nn.utils.clip_grad_norm_(parameters, limit)
    return {
        "limit": limit,
        "norm": norm.item(),
        "gradient": [x for value in gradient(scale) for x in value.tolist()],
        "clipped": [x for parameter in parameters for x in parameter.grad.tolist()],
    }


cases = [clip(scale, limit) for scale, limit in CASES]
# Exactly at the limit, where the 1e-6 that PyTorch adds to the norm shows.
cases.append(clip(1.0, cases[0]["norm"]))
path = pathlib.Path(__file__).parents[2] / "Tests/OptimizersTests/Golden/clipping.json"
golden = {"torch": torch.__version__.split("+")[0], "cases": cases}
path.write_text(json.dumps(golden).replace('{"limit"', '\n{"limit"') + "\n")
