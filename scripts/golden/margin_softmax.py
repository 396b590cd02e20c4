"""Writes Tests/LossesTests/Golden/margin_softmax.json: losses and gradients by PyTorch's autograd.

Run with torch 2 installed: python scripts/golden/margin_softmax.py
With --fixture it writes nothing, and prints the numbers that stand in MarginSoftmaxVectorTests: the
targets of the variants, and losses and gradients of two samples and three classes.
Each case is the SUM of the cross-entropies of the samples, in float64. Target logits are the formulas
of the sources: insightface losses.py (plain, monotone, easy), CnA_Arcface header.py (clamped),
mk-minchul/AdaFace head.py and HuangYG123/CurricularFace head/metrics.py. These two let the batch move
their statistics first: `before` and `after` are what they were and what the loss was computed with.
MagFace is Meng et al. 2021, without the official program's condition on the angle unless `easy`; UniFace
is Zhou et al. 2023, and `moved` its bias after a step of gradient descent. Smoothing is cross_entropy's.
With `centres` K the rows of the weights are K a class, beside one another, of whose cosines the class
has the greatest, as in insightface's recognition/subcenter_arcface, where it is max over the last axis of
[samples, classes, K].
"""

import json
import math
import pathlib
import sys

import torch
from torch.nn.functional import cross_entropy, linear, normalize, one_hot, softplus

ROWS, CLASSES, WIDTH = 4, 6, 5
embeddings = [
    [round(math.sin(1.3 * (i * WIDTH + k) + 0.2), 3) for k in range(WIDTH)] for i in range(ROWS)
]
weights = [
    [round(math.cos(0.7 * (j * WIDTH + k) + 0.1 * j * j), 3) for k in range(WIDTH)]
    for j in range(CLASSES)
]
bias = [round(0.1 * math.sin(j + 1), 3) for j in range(CLASSES)]
MAIN_LABELS = [0, 5, 2, 2]
# Target cosines on both sides of 0 and of cos(pi - 0.5) = -0.878.
embeddings[1] = [round(-1.5 * w + 0.1 * k, 3) for k, w in enumerate(weights[5])]
embeddings[3] = [round(-w + 0.6 * (-1) ** k, 3) for k, w in enumerate(weights[2])]


def target(cosine, case):
    m = case["margin"]
    variant = case["variant"]
    sine = (1 - cosine**2).sqrt()
    shifted = cosine * math.cos(m) - sine * math.sin(m)
    if variant == "monotone":
        return torch.where(
            cosine > math.cos(math.pi - m), shifted, cosine - m * math.sin(math.pi - m)
        )
    if variant == "easy":
        return torch.where(cosine > 0, shifted, cosine)
    if variant == "clamped":
        c = cosine.clamp(0, 1)
        return cosine + (c * math.cos(m) - (1 - c**2).sqrt() * math.sin(m) - c)
    return shifted


def ada_face(x, w, case, y):
    """Moves case["before"], mean and deviation of norms, to case["after"] and takes these."""
    m, rate, (mean, deviation) = case["margin"], case["rate"], case["before"]
    norms = x.detach().norm(dim=1, keepdim=True).clip(0.001, 100)
    mean = rate * norms.mean() + (1 - rate) * mean
    deviation = rate * norms.std() + (1 - rate) * deviation
    case["after"] = [mean.item(), deviation.item()]
    k = (case["concentration"] * (norms - mean) / (deviation + 1e-3)).clip(-1, 1)
    hot = one_hot(y, len(w))
    cosines = linear(normalize(x), normalize(w)).clamp(-1 + 1e-3, 1 - 1e-3)
    theta = (cosines.acos() - hot * m * k).clip(1e-3, math.pi - 1e-3)
    changed = theta.cos() - hot * m * (1 + k)
    if case["gradient"] == "straight-through":
        changed = cosines + (changed - cosines).detach()
    return changed * case["scale"]


def curricular_face(x, w, case, y):
    """Moves case["before"], the mean target cosine, to case["after"] and takes it."""
    m, rate = case["margin"], case["rate"]
    cosines = linear(normalize(x), normalize(w)).clamp(-1, 1)
    own = cosines.gather(1, y.view(-1, 1))
    shifted = own * math.cos(m) - (1 - own**2).sqrt() * math.sin(m)
    target = torch.where(
        own > math.cos(math.pi - m), shifted, own - m * math.sin(math.pi - m)
    )
    t = own.detach().mean() * rate + (1 - rate) * case["before"][0]
    case["after"] = [t.item()]
    hardened = torch.where(cosines > shifted, cosines * (t + cosines), cosines)
    return hardened.scatter(1, y.view(-1, 1), target) * case["scale"]


def mag_face(x, w, case, y):
    """The scores, and the loss of the norms."""
    (low, high), (least, greatest) = case["margins"], case["norms"]
    norms = x.norm(dim=1).clamp(least, greatest)
    m = low + (high - low) * (norms - least) / (greatest - least)
    cosines = linear(normalize(x), normalize(w)).clamp(-1, 1)
    own = cosines.gather(1, y.view(-1, 1)).squeeze(1)
    shifted = own * m.cos() - (1 - own**2).sqrt() * m.sin()
    if case["variant"] == "easy":
        shifted = torch.where(own > 0, shifted, own)
    return (
        cosines.scatter(1, y.view(-1, 1), shifted.view(-1, 1)) * case["scale"],
        case["weight"] * (norms / greatest**2 + 1 / norms).sum(),
    )


def uni_face(x, w, case, y):
    """The loss; moves case["before"], the bias, to case["moved"] by the mean gradient."""
    bias = torch.tensor(case["before"][0], dtype=torch.float64, requires_grad=True)
    cosines = linear(normalize(x), normalize(w))
    hot = one_hot(y, len(w)).bool()
    own = case["scale"] * (cosines[hot] - case["margin"]) - bias
    loss = softplus(-own).sum() + softplus(case["scale"] * cosines - bias)[~hot].sum()
    (gradient,) = torch.autograd.grad(loss, bias, retain_graph=True)
    case["moved"] = [bias.item() - case["rate"] * gradient.item() / len(y)]
    return loss


def scores(x, w, b, case, labels):
    kind = case["kind"]
    if kind == "softmax":
        return linear(x, w, b)
    if kind in ("adaFace", "curricularFace"):
        form = ada_face if kind == "adaFace" else curricular_face
        return form(x, w, case, torch.tensor(labels))
    cosines = linear(normalize(x), normalize(w)).clamp(-1, 1)
    if case.get("centres", 1) > 1:
        cosines = cosines.view(len(x), -1, case["centres"]).max(dim=2).values
    rows = torch.arange(len(labels))
    y = torch.tensor(labels)
    if case["gradient"] == "straight-through":
        with torch.no_grad():
            cosines[rows, y] = margin(cosines[rows, y], case)
        return cosines * case["scale"]
    changed = cosines.clone()
    changed[rows, y] = margin(cosines[rows, y], case)
    return changed * case["scale"]


def margin(cosine, case):
    kind = case["kind"]
    if kind == "normalizedSoftmax":
        return cosine
    if kind == "cosFace":
        return cosine - case["margin"]
    if kind == "combined":
        m1, m2, m3 = case["margins"]
        return torch.cos(m1 * torch.arccos(cosine) + m2) - m3
    return target(cosine, case)


def run(data=None, digits=12, **changes):
    x, w, b, labels = data or (embeddings, weights, bias, MAIN_LABELS)
    case = {"kind": "arcFace", "scale": 64.0, "margin": 0.5, "margins": [1.0, 0.0, 0.0],
            "variant": "plain", "gradient": "exact", **changes}
    x, w, b = (torch.tensor(v, dtype=torch.float64, requires_grad=True)
               for v in (x, w, b))
    labels = [label % (len(w) // case.get("centres", 1)) for label in labels]
    y = torch.tensor(labels)
    if case["kind"] == "uniFace":
        loss = uni_face(x, w, case, y)
    else:
        beside = 0.0
        if case["kind"] == "magFace":
            found, beside = mag_face(x, w, case, y)
        else:
            found = scores(x, w, b, case, labels)
        loss = cross_entropy(
            found, y, reduction="sum", label_smoothing=case.get("smoothing", 0.0)) + beside
    loss.backward()
    bias_gradient = b.grad.tolist() if b.grad is not None else []
    return {**case, "loss": rounded([loss.item()], digits)[0],
            "dx": rounded(x.grad.flatten().tolist(), digits),
            "dw": rounded(w.grad.flatten().tolist() + bias_gradient, digits)}


def rounded(values, digits):
    return [float(f"{v:.{digits}g}") for v in values]


def print_fixture():
    """The numbers of MarginSoftmaxVectorTests: means over the two samples where it has means."""
    variants = ("plain", "monotone", "easy", "clamped")
    for theta in (0, 0.5, 1.0, math.pi / 2 - 1e-9, 2.0, 2.6, 2.7, math.pi):
        cosine = torch.tensor(theta, dtype=torch.float64).cos()
        values = [target(cosine, {"margin": 0.5, "variant": v}).item() for v in variants]
        print(f"theta {theta:.9f}", *(f"{v:.6f}" for v in values))
    fixture = (
        [[0.3, -0.2, 0.5, 0.1], [-0.4, 0.7, 0.2, -0.1]],
        [[0.2, 0.1, 0.4, -0.3], [-0.5, 0.6, 0.1, 0.2], [0.3, 0.3, -0.2, 0.1]],
        [0.0, 0.0, 0.0],
        [0, 2],
    )
    for changes in (
        {}, {"gradient": "straightThrough"}, {"kind": "cosFace", "margin": 0.4},
        {"kind": "combined", "margins": [1.0, 0.3, 0.2]},
        {"kind": "combined", "margins": [0.9, 0.4, 0.15]}, {"variant": "clamped"},
    ):
        found = run(fixture, digits=17, **changes)
        print(changes or "arcFace", f"loss {found['loss'] / 2:.12f}")
        if not changes or "gradient" in changes:
            print("  dx", *(f"{v / 2:.10f}" for v in found["dx"]))
            print("  dw", *(f"{v / 2:.10f}" for v in found["dw"]))
    x, w = (normalize(torch.tensor(v, dtype=torch.float64)) for v in fixture[:2])
    cosines = linear(x, w)
    print("target cosines", *(f"{cosines[i, y].item():.10f}" for i, y in enumerate(fixture[3])))


if "--fixture" in sys.argv[1:]:
    print_fixture()
    sys.exit()

cases = [
    run(kind="softmax", scale=1.0),
    run(kind="normalizedSoftmax", scale=20.0),
    *(run(scale=s, variant=v) for s in (4.0, 64.0)
      for v in ("plain", "monotone", "easy", "clamped")),
    run(scale=8.0, gradient="straight-through"),
    run(kind="cosFace", scale=30.0, margin=0.35),
    run(kind="combined", scale=10.0, margins=[0.9, 0.4, 0.15]),
    run(kind="combined", scale=10.0, margins=[1.35, 0.0, 0.0]),
    run(kind="combined", scale=10.0, margins=[1.0, 0.3, 0.2], gradient="straight-through"),
    # As at the start of a run, with some norms cut on either side, and as CVLface has it.
    run(kind="adaFace", margin=0.4, concentration=0.333, rate=0.01, before=[20.0, 100.0]),
    run(kind="adaFace", scale=8.0, margin=0.4, concentration=1.0, rate=1.0, before=[20.0, 100.0]),
    run(kind="adaFace", scale=8.0, margin=0.3, concentration=-2.0, rate=0.5, before=[1.0, 0.1]),
    run(kind="adaFace", scale=8.0, margin=0.4, concentration=1.0, rate=0.9, before=[2.0, 0.3],
        gradient="straight-through"),
    *(run(kind="curricularFace", scale=s, margin=m, rate=0.2, before=[t])
      for s, m, t in ((64.0, 0.5, 0.0), (8.0, 0.5, 0.4), (8.0, 1.2, 0.97))),
    run(kind="softmax", scale=1.0, smoothing=0.1),
    run(scale=8.0, smoothing=0.3),
    # Norms of the samples lie on both sides of the first range.
    *(run(kind="magFace", scale=s, margins=[0.3, 0.8], weight=20.0, norms=n, variant=v, smoothing=e)
      for s, n, v, e in ((64.0, [1.5, 1.8], "plain", 0.0), (8.0, [0.5, 9.0], "plain", 0.0),
                         (8.0, [0.5, 9.0], "easy", 0.2))),
    run(kind="uniFace", scale=64.0, margin=0.4, rate=0.1, before=[math.log(60.0)]),
    run(kind="uniFace", scale=8.0, margin=0.4, rate=0.5, before=[2.0]),
    *(run(scale=s, centres=k, gradient=g) for s, k, g in (
        (64.0, 3, "exact"), (8.0, 2, "exact"), (8.0, 3, "straight-through"))),
    run(kind="cosFace", scale=30.0, margin=0.35, centres=2),
]
path = pathlib.Path(__file__).parents[2] / "Tests/LossesTests/Golden/margin_softmax.json"
path.parent.mkdir(exist_ok=True)
golden = {"torch": torch.__version__.split("+")[0], "embeddings": sum(embeddings, []),
          "weights": sum(weights, []), "bias": bias, "labels": MAIN_LABELS, "rows": ROWS,
          "classes": CLASSES, "width": WIDTH, "cases": cases}
path.write_text(json.dumps(golden).replace('{"kind"', '\n{"kind"') + "\n")
