"""Writes Tests/OptimizersTests/Golden/optimizers.json: 20-step traces of PyTorch's optimizers.

Run with torch 2 installed: python scripts/golden/optimizers.py
Parameters: 0..<11 backbone with decay, 11..<15 backbone without, 15..<19 head with decay.
All in float64; LARS, which PyTorch lacks, is arXiv 1708.03888 written out below.
"""

import json
import math
import pathlib

import torch

STEPS, COUNT = 20, 19
PARTS = [(0, 11, "backbone", True), (11, 15, "backbone", False), (15, 19, "head", True)]
KEPT = [1, 2, 5, 20]

start = [round(math.sin(1.7 * i + 0.3), 3) for i in range(COUNT)]
gradients = [
    [round(0.5 * math.cos(0.9 * i + 0.37 * t * (1 + i % 3)), 3) for i in range(COUNT)]
    for t in range(STEPS)
]


def rates(case, step):
    decay = 1 - step / 40
    return {"backbone": case["rate"] * decay, "head": case["headRate"] * decay}


def groups(values, case):
    return [
        {
            "params": [values[low:high].clone().requires_grad_(True)],
            "lr": case["rate"],
            "weight_decay": case["weightDecay"] if decays else 0.0,
        }
        for low, high, _, decays in PARTS
    ]


def trace(case):
    kind = case["kind"]
    values = torch.tensor(start, dtype=torch.float64)
    parameters = groups(values, case)
    if kind == "sgd":
        optimizer = torch.optim.SGD(
            parameters, lr=1, momentum=case["momentum"], nesterov=case["nesterov"]
        )
    elif kind == "adagrad":
        optimizer = torch.optim.Adagrad(
            parameters, lr=1, lr_decay=case["rateDecay"],
            initial_accumulator_value=case["accumulator"],
        )
    else:
        optimizer = torch.optim.AdamW(parameters, lr=1, betas=tuple(case["betas"]), eps=1e-8)
    kept = {}
    for step in range(STEPS):
        rate = rates(case, step)
        for group, (low, high, part, _) in zip(optimizer.param_groups, PARTS):
            group["lr"] = rate[part]
            group["params"][0].grad = torch.tensor(gradients[step][low:high], dtype=torch.float64)
        optimizer.step()
        if step + 1 in KEPT:
            kept[str(step + 1)] = flat(g["params"][0].detach() for g in optimizer.param_groups)
    names = {
        "sgd": ["momentum_buffer"] if case["momentum"] else [],
        "adagrad": ["sum"],
        "adamw": ["exp_avg", "exp_avg_sq"],
    }
    state = [
        flat(optimizer.state[g["params"][0]][name] for g in optimizer.param_groups)
        for name in names[kind]
    ]
    return {**case, "parameters": kept, "state": state}


def lars(case):
    values = [torch.tensor(start[low:high], dtype=torch.float64) for low, high, _, _ in PARTS]
    velocity = [torch.zeros_like(v) for v in values]
    kept = {}
    for step in range(STEPS):
        rate = rates(case, step)
        for index, (low, high, part, decays) in enumerate(PARTS):
            w = values[index]
            g = torch.tensor(gradients[step][low:high], dtype=torch.float64)
            decay = case["weightDecay"] if decays else 0.0
            factor = 1.0
            if decays:
                factor = case["trust"] * w.norm() / (g.norm() + decay * w.norm() + 1e-8)
            velocity[index] = case["momentum"] * velocity[index] + factor * (g + decay * w)
            values[index] = w - rate[part] * velocity[index]
        if step + 1 in KEPT:
            kept[str(step + 1)] = flat(values)
    return {**case, "parameters": kept, "state": [flat(velocity)]}


def flat(pieces):
    return [float(f"{x:.12g}") for piece in pieces for x in piece.tolist()]


common = {"rate": 0.1, "headRate": 0.03, "weightDecay": 0.01, "momentum": 0.9, "nesterov": False,
          "rateDecay": 0.0, "accumulator": 0.0, "betas": [0.9, 0.999], "trust": 0.02}
cases = [
    trace({**common, "kind": "sgd", "name": "sgd"}),
    trace({**common, "kind": "sgd", "name": "sgd nesterov", "nesterov": True}),
    trace({**common, "kind": "sgd", "name": "sgd without momentum", "momentum": 0.0}),
    trace({**common, "kind": "adagrad", "name": "adagrad"}),
    trace({**common, "kind": "adagrad", "name": "adagrad with rate decay", "rateDecay": 0.1}),
    trace({**common, "kind": "adagrad", "name": "adagrad from 0.1", "accumulator": 0.1}),
    trace({**common, "kind": "adamw", "name": "adamw", "rate": 0.01, "weightDecay": 0.1}),
    trace({**common, "kind": "adamw", "name": "adamw betas", "betas": [0.8, 0.95]}),
    lars({**common, "kind": "lars", "name": "lars"}),
]
path = pathlib.Path(__file__).parents[2] / "Tests/OptimizersTests/Golden/optimizers.json"
path.parent.mkdir(exist_ok=True)
golden = {"torch": torch.__version__.split("+")[0], "start": start, "gradients": gradients,
          "cases": cases}
path.write_text(json.dumps(golden).replace('{"rate"', '\n{"rate"') + "\n")
