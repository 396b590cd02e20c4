#!/usr/bin/env python3
"""Writes Tests/Golden/tables.json: what NumPy and scikit-learn make of the embeddings and pairs of
Tests/Golden/verification.json, and of small made-up sets in the layouts of IJB and TinyFace.

TAR at FAR: the largest share of pairs of one person below a threshold whose share of pairs of two
is at most the target, and the nearest point of `roc_curve` as insightface's eval_ijbc.py takes it.
Subsets: 10-fold accuracy of each (verification.py here), mean, deviation, ratio of errors.
Error against discard: pairs of least quality left out, threshold fixed or chosen anew.
Templates: insightface recognition/arcface_torch/eval_ijbc.py, `image2template_feature`, in float64.
1:N: NIST's TPIR, per gallery, and insightface's recognition/_evaluation_/ijb/ijb_1n.py, pooled.
TinyFace: CVLface evaluations/tinyface: any photo of the person among the k best.

Run with numpy 2, scikit-learn 1.9:  python3 scripts/golden/tables.py
"""

import json
import math
import pathlib

import numpy as np

TESTS = pathlib.Path(__file__).parents[2] / "Tests"
TARGETS = [1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6]


def strict(similarity, same, target):
    """(TAR, FAR) of the largest TAR with FAR <= target, over every threshold there is."""
    best = (0.0, 0.0)
    for threshold in np.append(np.unique(similarity), np.inf):
        far = np.mean(similarity[~same] >= threshold)
        tar = np.mean(similarity[same] >= threshold)
        # Of equal TAR the largest FAR: the threshold is the laxest one that is allowed.
        if far <= target and (tar, far) > best:
            best = (tar, far)
    return best


def nearest(similarity, same, target):
    from sklearn.metrics import roc_curve

    fpr, tpr, _ = roc_curve(same, similarity)
    fpr, tpr = np.flipud(fpr), np.flipud(tpr)
    _, index = min(zip(abs(fpr - target), range(len(fpr))))
    return tpr[index], fpr[index]


def rates(similarity, same):
    rows = []
    for target in TARGETS:
        (tar, far), (near_tar, near_far) = strict(similarity, same, target), nearest(similarity, same, target)
        rows.append({"target": target, "tar": tar, "far": far, "nearTAR": near_tar, "nearFAR": near_far})
    return rows


def accuracies(distances, same, folds):
    thresholds, found = np.arange(0, 4, 0.01), []
    for held in range(10):
        rest, own = folds != held, folds == held
        if not own.any():
            continue
        right = [np.mean((distances[rest] < t) == same[rest]) for t in thresholds]
        found.append(np.mean((distances[own] < thresholds[int(np.argmax(right))]) == same[own]))
    return np.mean(found)


def false_reject(distances, same, weights, target, fixed=None):
    if fixed is None:
        ordered = np.argsort(distances[~same])
        accepted = np.cumsum(weights[~same][ordered])
        fixed = distances[~same][ordered][accepted / accepted[-1] > target][0]
    return np.average(~(distances[same] < fixed), weights=weights[same]), fixed


def discard(distances, same, quality, target):
    whole = np.ones(len(quality))
    _, at_start = false_reject(distances, same, whole, target)
    curves = {"fixed": [], "anew": []}
    for share in np.arange(20) / 20:
        # Pairs of the quality at the cut share what stays of them.
        left_out = int(share * len(quality))
        cut = np.sort(quality)[left_out]
        weights = whole * (quality >= cut)
        weights[quality == cut] = (np.sum(quality <= cut) - left_out) / np.sum(quality == cut)
        curves["fixed"].append(false_reject(distances, same, weights, target, at_start)[0])
        curves["anew"].append(false_reject(distances, same, weights, target)[0])
    return {"target": target, **curves,
            "fixedArea": np.trapezoid(curves["fixed"], dx=0.05), "anewArea": np.trapezoid(curves["anew"], dx=0.05)}


def verification():
    golden = json.loads((TESTS / "Golden/verification.json").read_text())
    raw = np.array(golden["embeddingSixteenths"]).reshape(-1, golden["dimension"]) / 16
    norms = np.linalg.norm(raw, axis=1)
    unit = raw / norms[:, None]
    first, second, same = np.array(golden["pairs"]).reshape(-1, 3).T
    same = same.astype(bool)
    distances = np.square(unit[first] - unit[second]).sum(axis=1)
    folds = np.arange(len(same)) // (len(same) // golden["foldCount"])
    # Two subsets of two people in each fold, but in the last one, whose people are in none.
    subset = np.repeat(np.array([0, 0, 1, 1] * 9 + [2] * 4), golden["photosPerPerson"])
    parts = [accuracies(distances[k], same[k], folds[k])
             for k in ((subset[first] == s) & (subset[second] == s) for s in range(2))]
    quality = np.minimum(norms[first], norms[second])
    return {
        "rates": rates(-distances, same),
        "subsetAccuracies": parts, "subsetMean": np.mean(parts), "subsetSpread": np.std(parts),
        "errorRatio": (1 - min(parts)) / (1 - max(parts)),
        "discard": [discard(distances, same, quality, t) for t in (1e-2,)],
    }


def templates(features, ids, media, scores, norms_kept, detector):
    used = features if norms_kept else features / np.linalg.norm(features, axis=1, keepdims=True)
    if detector:
        used = used * scores[:, None]
    unique = np.unique(ids)
    out = np.zeros((len(unique), features.shape[1]))
    for row, template in enumerate(unique):
        mine = ids == template
        for medium in np.unique(media[mine]):
            chosen = used[mine & (media == medium)]
            out[row] += chosen[0] if len(chosen) == 1 else chosen.mean(axis=0)
    return unique, out / np.linalg.norm(out, axis=1, keepdims=True)


def nist(similarity, probe_people, galleries, target):
    """The mean over the galleries of TPIR at FPIR <= target, at rank 1."""
    found = []
    for people, scores in zip(galleries, similarity):
        mated = np.isin(probe_people, people)
        top, who = scores.max(axis=1), people[scores.argmax(axis=1)]
        others = np.sort(top[~mated])[::-1]
        threshold = others[int(target * len(others) + 1e-9)]
        found.append(np.mean((who == probe_people)[mated] & (top[mated] > threshold)))
    return np.mean(found)


def pooled(similarity, mates, target):
    rest = similarity.copy()
    probes = np.arange(len(mates))
    own = rest[probes, mates]
    rest[probes, mates] = -2
    threshold = np.sort(rest[rest > -2])[::-1][math.ceil(len(mates) * target) - 1]
    return np.mean(own > threshold)


def ijb():
    rng = np.random.default_rng(11)
    people, per_person, dimension = 60, 4, 16
    centres = rng.normal(size=(people, dimension))
    rows, ids, media, owner = [], [], [], {}
    for person in range(people):
        for copy in range(per_person):
            template = 7 + 3 * len(owner)
            owner[template] = person
            for medium in range(int(rng.integers(1, 4))):
                for _ in range(int(rng.integers(1, 4))):
                    noise = rng.normal(size=dimension) * 1.7
                    rows.append(np.rint(16 * (centres[person] + noise)).astype(int))
                    ids.append(template)
                    media.append(1000 * person + 10 * copy + medium)
    # Rows of a template do not stand together in the files.
    order = rng.permutation(len(rows))
    sixteenths, ids, media = np.array(rows)[order], np.array(ids)[order], np.array(media)[order]
    scores = rng.integers(40, 100, size=len(ids)) / 100
    features = sixteenths / 16
    names = [f"{n + 1}.jpg" for n in range(len(ids))]
    points = [[38 + n % 3, 52, 73, 51 + n % 2, 56, 72, 41, 92, 70, 92] for n in range(len(ids))]
    listed = sorted(owner)
    pairs = [(a, b, int(owner[a] == owner[b])) for i, a in enumerate(listed) for b in listed[i + 1:]]
    pairs = [pairs[i] for i in sorted(rng.permutation(len(pairs))[:9000])]
    # Either gallery has the first template of half the people; the others probe.
    gallery = [[t for t in listed if owner[t] % 2 == side and (t - 7) // 3 % per_person == 0] for side in (0, 1)]
    probes = [t for t in listed if (t - 7) // 3 % per_person != 0]

    modes = {}
    for name, kept, detector in (("N1D1", 1, 1), ("N1D0", 1, 0), ("N0D1", 0, 1)):
        unique, made = templates(features, ids, media, scores, kept, detector)
        place = {t: n for n, t in enumerate(unique)}
        first, second, same = np.array([(place[a], place[b], s) for a, b, s in pairs]).T
        similarity = (made[first] * made[second]).sum(axis=1)
        modes[name] = {"rates": rates(similarity, same.astype(bool)), "scores": similarity[:50].tolist()}
    unique, made = templates(features, ids, media, scores, 1, 1)
    place = {t: n for n, t in enumerate(unique)}
    everyone = gallery[0] + gallery[1]
    q = made[[place[t] for t in probes]]
    probe_people = np.array([owner[t] for t in probes])
    by_gallery = [q @ made[[place[t] for t in side]].T for side in gallery]
    both = q @ made[[place[t] for t in everyone]].T
    gallery_people = np.array([owner[t] for t in everyone])
    mates = np.array([int(np.flatnonzero(gallery_people == p)[0]) for p in probe_people])
    ranked = np.argsort(-both, axis=1)
    # No tie may decide a figure.
    assert np.diff(np.sort(both, axis=1), axis=1).min() > 1e-7
    return {
        "dimension": dimension, "embeddingSixteenths": sixteenths.ravel().tolist(), "names": names,
        "templates": ids.tolist(), "media": media.tolist(), "scores": scores.tolist(), "points": points,
        "pairs": [int(v) for pair in pairs for v in pair],
        "galleries": [[[int(t), int(owner[t])] for t in side] for side in gallery],
        "probes": [[int(t), int(owner[t])] for t in probes],
        "modes": modes,
        "ranks": [np.mean([m in r[:k] for m, r in zip(mates, ranked)]) for k in (1, 5, 10)],
        "nist": [nist(by_gallery, probe_people, [np.array([owner[t] for t in side]) for side in gallery], x)
                 for x in (0.01, 0.1)],
        "pooled": [pooled(both, mates, x) for x in (0.01, 0.1)],
    }


def tinyface():
    rng = np.random.default_rng(5)
    people, dimension = 40, 8
    centres = rng.normal(size=(people, dimension))
    names, rows = [], []

    def add(part, label, person, n):
        noise = rng.normal(size=dimension) * 1.5
        base = centres[person] if person is not None else rng.normal(size=dimension)
        names.append(f"{part}/{label}_{n}.jpg")
        rows.append(np.rint(16 * (base + noise)).astype(int))

    for person in range(people):
        add("Probe", person, person, 1)
        if person % 8 != 7:  # some people are in no gallery
            for n in range(2 + person % 2):
                add("Gallery_Match", person, person, n + 2)
    for n in range(300):
        add("Gallery_Distractor", -1 if n % 2 else n, None, n)
    names = [n.replace("/-1_", "/x") for n in names]
    features = np.array(rows) / 16
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    probe = [i for i, n in enumerate(names) if n.startswith("Probe")]
    gallery = [i for i, n in enumerate(names) if n.startswith("Gallery_Match")]
    gallery += [i for i, n in enumerate(names) if n.startswith("Gallery_Distractor")]
    label = lambda i: -100 if "Distractor" in names[i] else int(names[i].split("/")[1].split("_")[0])
    labels = np.array([label(i) for i in gallery])
    found = {k: [] for k in (1, 5, 20)}
    for i in probe:
        if label(i) not in labels:
            continue
        ranked = labels[np.argsort(-(unit[gallery] @ unit[i]))]
        for k in found:
            found[k].append(label(i) in ranked[:k])
    return {"dimension": dimension, "names": names, "embeddingSixteenths": np.array(rows).ravel().tolist(),
            "ranks": [np.mean(found[k]) for k in (1, 5, 20)]}


def main():
    out = {"verification": verification(), "ijb": ijb(), "tinyface": tinyface()}
    path = TESTS / "Golden/tables.json"
    path.write_text(json.dumps(out, separators=(",", ":"), default=float) + "\n")
    brief = {**out["verification"], **{k: out["ijb"][k] for k in ("ranks", "nist", "pooled")},
             "tiny": out["tinyface"]["ranks"], "N1D1": out["ijb"]["modes"]["N1D1"]["rates"]}
    print(json.dumps(brief, default=float))


if __name__ == "__main__":
    main()
