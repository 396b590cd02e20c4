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
Intervals: numpy.percentile of 1,000 draws of people; draws are those of Sources/Determinism/CounterRandom.swift.

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


MASK = 2**64 - 1


def mixed(z):
    """The finaliser of SplitMix64."""
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK
    return z ^ (z >> 31)


def draws(count, seed=0, purpose=3, place=3):
    """How often each of `count` people is drawn [1000, count]."""
    found = np.zeros((1000, count), int)
    for draw in range(1000):
        key = mixed((seed + 0x9E3779B97F4A7C15) & MASK)
        for word, salt in ((purpose, 1), (place, 1), (draw, 1), (0, 0), (0, 0)):
            word += 0xD1B54A32D192ED03 if salt else 0xAEF17502108EF2D9
            key = (mixed(key ^ mixed(word & MASK)) * 0x9E3779B97F4A7C15 + 0x8CB92BA72F3D8DD7) & MASK
        for n in range(count):
            found[draw, mixed((key + (n + 1) * 0x9E3779B97F4A7C15) & MASK) * count >> 64] += 1
    return found


def interval(values):
    return np.percentile([v for v in values if v is not None and not np.isnan(v)], [2.5, 97.5]).tolist()


def pair_weights(counts, first, second):
    """Of each pair of people by draw: a person's pairs count as often as they are drawn."""
    return np.where(first == second, counts[:, first], counts[:, first] * counts[:, second])


def strict_intervals(similarity, same, weights):
    """The interval of strict() at each target that there are pairs enough for."""
    order = np.argsort(-similarity[~same], kind="stable")
    ordered, own = similarity[~same][order], similarity[same]
    found = {t: [] for t in TARGETS if (~same).sum() >= max(20, round(1 / t))}
    for row in weights:
        accepted = np.cumsum(row[~same][order])
        if not accepted[-1] or not row[same].sum():
            continue
        for target, values in found.items():
            passed = np.flatnonzero(accepted / accepted[-1] > target)
            threshold = ordered[passed[0]] if len(passed) else -np.inf
            values.append(np.average(own > threshold, weights=row[same]))
    return [interval(v) for v in found.values()]


def rates(similarity, same):
    rows = []
    for target in TARGETS:
        (tar, far), (near_tar, near_far) = strict(similarity, same, target), nearest(similarity, same, target)
        rows.append({"target": target, "tar": tar, "far": far, "nearTAR": near_tar, "nearFAR": near_far})
    return rows


def accuracies(distances, same, folds):
    thresholds, found, judged = np.arange(0, 4, 0.01), [], np.zeros(len(same), bool)
    for held in range(10):
        rest, own = folds != held, folds == held
        if not own.any():
            continue
        right = [np.mean((distances[rest] < t) == same[rest]) for t in thresholds]
        judged[own] = (distances[own] < thresholds[int(np.argmax(right))]) == same[own]
        found.append(np.mean(judged[own]))
    return np.mean(found), judged


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
    ideal = [max(curves["fixed"][0] - share, 0) for share in np.arange(20) / 20]
    return {"target": target, **curves, "ideal": ideal, "idealArea": np.trapezoid(ideal, dx=0.05),
            "fixedArea": np.trapezoid(curves["fixed"], dx=0.05), "anewArea": np.trapezoid(curves["anew"], dx=0.05)}


def subset_draws(distances, same, first, second, members, judged, per_person, threshold=1.3):
    """Intervals of what is printed of subsets; false accepts and rejects at `threshold`."""
    people = np.stack([first, second], axis=1).ravel() // per_person
    # People are numbered as the pairs bring them.
    number = {p: n for n, p in enumerate(dict.fromkeys(people.tolist()))}
    units = np.array([number[p] for p in people.tolist()]).reshape(-1, 2)
    weights = pair_weights(draws(len(number)), units[:, 0], units[:, 1])

    def share(chosen, among):
        sums = weights[:, among].sum(axis=1)
        return np.divide(weights[:, chosen & among].sum(axis=1), sums, out=np.full(1000, np.nan), where=sums > 0)

    rows, found = [], []
    for k, right in zip(members, judged):
        all_right = np.zeros(len(same), bool)
        all_right[k] = right
        rows.append(share(all_right, k))
        found.append({"accuracy": interval(rows[-1]), "far": interval(share(distances < threshold, k & ~same)),
                      "frr": interval(share(~(distances < threshold), k & same))})
    rows = np.array(rows)
    rows = rows[:, ~np.isnan(rows).any(axis=0)]
    # A subset without errors has no ratio.
    some = rows[:, rows.max(axis=0) < 1]
    return {"rows": found, "mean": interval(rows.mean(axis=0)), "spread": interval(rows.std(axis=0)),
            "ratio": interval((1 - some.min(axis=0)) / (1 - some.max(axis=0)))}


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
    members = [(subset[first] == s) & (subset[second] == s) for s in range(2)]
    parts, judged = zip(*(accuracies(distances[k], same[k], folds[k]) for k in members))
    drawn = subset_draws(distances, same, first, second, members, judged, golden["photosPerPerson"])
    quality = np.minimum(norms[first], norms[second])
    return {
        "rates": rates(-distances, same),
        "subsetAccuracies": parts, "subsetMean": np.mean(parts), "subsetSpread": np.std(parts),
        "errorRatio": (1 - min(parts)) / (1 - max(parts)), "subsetIntervals": drawn,
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


def nist(similarity, probe_people, galleries, target, times=None):
    """The mean over the galleries of TPIR at FPIR <= target, at rank 1; each probe stands `times`."""
    found = []
    times = np.ones(len(probe_people), int) if times is None else times
    for people, scores in zip(galleries, similarity):
        mated = np.isin(probe_people, people)
        top, who = scores.max(axis=1), people[scores.argmax(axis=1)]
        others = np.sort(np.repeat(top[~mated], times[~mated]))[::-1]
        if not len(others) or not times[mated].sum():
            return np.nan
        threshold = others[int(target * len(others) + 1e-9)]
        hit = (who == probe_people)[mated] & (top[mated] > threshold)
        found.append(np.average(hit, weights=times[mated]))
    return np.mean(found)


def pooled(similarity, mates, target, times=None):
    rest = similarity.copy()
    probes = np.arange(len(mates))
    own = rest[probes, mates]
    rest[probes, mates] = -2
    times = np.ones(len(mates), int) if times is None else times
    rest = np.repeat(rest, times, axis=0)
    threshold = np.sort(rest[rest > -2])[::-1][math.ceil(times.sum() * target) - 1]
    return np.average(own > threshold, weights=times)


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

    modes, counts = {}, draws(people)
    for name, kept, detector in (("N1D1", 1, 1), ("N1D0", 1, 0), ("N0D1", 0, 1)):
        unique, made = templates(features, ids, media, scores, kept, detector)
        place = {t: n for n, t in enumerate(unique)}
        first, second, same = np.array([(place[a], place[b], s) for a, b, s in pairs]).T
        similarity = (made[first] * made[second]).sum(axis=1)
        who = np.array([owner[t] for t in unique])
        weights = pair_weights(counts, who[first], who[second])
        modes[name] = {"rates": rates(similarity, same.astype(bool)),
                       "intervals": strict_intervals(similarity, same.astype(bool), weights), "scores": similarity[:50].tolist()}
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
    hits = {k: np.array([m in r[:k] for m, r in zip(mates, ranked)]) for k in (1, 5, 10)}
    sides = [np.array([owner[t] for t in side]) for side in gallery]
    times = counts[:, probe_people]
    # No tie may decide a figure.
    assert np.diff(np.sort(both, axis=1), axis=1).min() > 1e-7
    return {
        "dimension": dimension, "embeddingSixteenths": sixteenths.ravel().tolist(), "names": names,
        "templates": ids.tolist(), "media": media.tolist(), "scores": scores.tolist(), "points": points,
        "pairs": [int(v) for pair in pairs for v in pair],
        "galleries": [[[int(t), int(owner[t])] for t in side] for side in gallery],
        "probes": [[int(t), int(owner[t])] for t in probes],
        "modes": modes,
        "ranks": [np.mean(hits[k]) for k in hits],
        "rankIntervals": [interval([np.average(hits[k], weights=t) for t in times]) for k in hits],
        "nist": [nist(by_gallery, probe_people, sides, x) for x in (0.01, 0.1)],
        "nistIntervals": [interval([nist(by_gallery, probe_people, sides, x, t) for t in times])
                          for x in (0.01, 0.1)],
        "pooled": [pooled(both, mates, x) for x in (0.01, 0.1)],
        "pooledIntervals": [interval([pooled(both, mates, x, t) for t in times]) for x in (0.01, 0.1)],
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
    # A probe a person, in the order of their labels.
    counts = draws(len(found[1]))
    return {"dimension": dimension, "names": names, "embeddingSixteenths": np.array(rows).ravel().tolist(),
            "ranks": [np.mean(found[k]) for k in (1, 5, 20)],
            "rankIntervals": [interval([np.average(found[k], weights=t) for t in counts]) for k in (1, 5, 20)]}


def main():
    out = {"verification": verification(), "ijb": ijb(), "tinyface": tinyface()}
    path = TESTS / "Golden/tables.json"
    path.write_text(json.dumps(out, separators=(",", ":"), default=float) + "\n")
    brief = {**out["verification"], **{k: out["ijb"][k] for k in ("ranks", "nist", "pooled")},
             "tiny": out["tinyface"]["ranks"], "N1D1": out["ijb"]["modes"]["N1D1"]["rates"]}
    print(json.dumps(brief, default=float))


if __name__ == "__main__":
    main()
