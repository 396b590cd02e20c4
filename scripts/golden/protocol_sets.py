#!/usr/bin/env python3
"""IJB and TinyFace as they are published, made of photos of one's own; and what NumPy makes of them.

    python3 scripts/golden/protocol_sets.py make PHOTOS OUT        (needs numpy, pillow)
    python3 scripts/golden/protocol_sets.py check PROGRAM CHECKPOINT OUT
    python3 scripts/golden/protocol_sets.py scale PROGRAM SCRATCH

`make` deals the photos of each person below PHOTOS (LFW, say) to templates and media and writes
OUT/IJBC, with loose_crop and the files of meta, and OUT/Testing_Set, as TinyFace has it. The five
points are drawn: nothing here looks for faces.

`check` lets PROGRAM measure CHECKPOINT on the photos of both, embeds the same photos by PROGRAM embed,
and computes every figure from these embeddings in float64, after insightface
recognition/arcface_torch/eval_ijbc.py and recognition/_evaluation_/ijb/ijb_1n.py, NIST's TPIR and
CVLface evaluations/tinyface. Ends with 'N figures equal, M differ'; the status is 1 where any differs.

`scale` writes embeddings and lists of as many photos, templates and pairs as IJB-C has (2 GB) and
measures them, of which it tells seconds, of the clock and of processors, and memory.
"""

import collections
import os
import pathlib
import re
import resource
import subprocess
import sys
import time

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from tables import TARGETS, nist, pooled, strict, templates  # noqa: E402

MEAN = np.array([[-.16, -.12], [.16, -.12], [0, .04], [-.12, .2], [.12, .2]])


def write(path, lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def make(photos, out, seed=1):
    from PIL import Image

    dice = np.random.default_rng(seed)
    people = collections.defaultdict(list)
    for path in sorted(photos.glob("*/*")):
        if path.suffix.lower() in (".jpg", ".jpeg", ".png"):
            people[path.parent.name].append(path)
    crops, meta = out / "IJBC/loose_crop", out / "IJBC/meta"
    crops.mkdir(parents=True)
    rows, owner, subjects = [], {}, {}
    for number, (name, paths) in enumerate(sorted(people.items())):
        subjects[name] = number
        paths = [paths[i] for i in dice.permutation(len(paths))]
        cuts = max(1, min(4, len(paths) // 2))
        for part in np.array_split(np.arange(len(paths)), cuts):
            template = 3 * len(owner) + 1
            owner[template] = number
            for place in part:
                rows.append((paths[place], template, 10 * template + int(place) % 2))
    rows = [rows[i] for i in dice.permutation(len(rows))]
    listed, points = [], []
    for number, (path, template, medium) in enumerate(rows):
        name = f"{number + 1}.jpg"
        (crops / name).write_bytes(path.read_bytes())
        width, height = Image.open(path).size
        angle, scale = dice.uniform(-.3, .3), dice.uniform(.8, 1.2) * min(width, height)
        turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        five = MEAN @ turn.T + [width / 2, height / 2] + dice.normal(0, .01 * scale, (5, 2))
        listed.append(f"{name} {template} {medium}")
        points.append(f"{name} " + " ".join(f"{x:.3f}" for x in five.ravel())
                      + f" {dice.uniform(.5, 1):.4f}")
    write(meta / "ijbc_face_tid_mid.txt", listed)
    write(meta / "ijbc_name_5pts_score.txt", points)
    order = sorted(owner)
    same = [(a, b) for i, a in enumerate(order) for b in order[i + 1:i + 4] if owner[a] == owner[b]]
    other = set()
    wanted = min(40 * len(order), len(order) * (len(order) - 1) // 4)
    while len(other) < wanted:
        a, b = sorted(int(t) for t in dice.choice(order, 2))
        if owner[a] != owner[b]:
            other.add((a, b))
    pairs = [(*p, 1) for p in same] + [(*p, 0) for p in sorted(other)]
    write(meta / "ijbc_template_pair_label.txt", [f"{a} {b} {c}" for a, b, c in pairs])
    first = {owner[t]: t for t in reversed(order)}
    of = collections.defaultdict(list)
    for line in listed:
        name, template, _ = line.split()
        of[int(template)].append(name)
    for file, chosen in (("gallery_G1", [t for t in first.values() if owner[t] % 2 == 0]),
                         ("gallery_G2", [t for t in first.values() if owner[t] % 2]),
                         ("probe_mixed", [t for t in order if first[owner[t]] != t])):
        write(meta / f"ijbc_1N_{file}.csv", ["TEMPLATE_ID,SUBJECT_ID,FILENAME"] + [
            f"{t},{owner[t]},{name}" for t in sorted(chosen) for name in of[t]])

    tiny = out / "Testing_Set"
    for part in ("Probe", "Gallery_Match", "Gallery_Distractor"):
        (tiny / part).mkdir(parents=True)
    for place, (name, paths) in enumerate(sorted(people.items())):
        for number, path in enumerate(paths):
            # A third of the people are strangers.
            part = "Gallery_Distractor" if place % 3 == 2 else "Gallery_Match" if number % 2 else "Probe"
            label = f"{subjects[name]}_{number}" if place % 3 < 2 else f"{place}x{number}"
            (tiny / part / f"{label}.jpg").write_bytes(path.read_bytes())
    print(f"{len(rows)} photos, {len(order)} templates, {len(pairs)} pairs, {len(same)} of one person")


def nearest(similarity, same, target):
    """What eval_ijbc.py takes of scikit-learn's roc_curve: collinear points dropped, (0, 0) first."""
    order = np.argsort(-similarity, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(similarity[order])), len(order) - 1)
    tps, fps = np.cumsum(same[order])[ends], np.cumsum(~same[order])[ends]
    kept = np.r_[True, (np.diff(fps, 2) != 0) | (np.diff(tps, 2) != 0), True] if len(ends) > 2 else slice(None)
    fpr = np.r_[0, fps[kept] / fps[-1]][::-1]
    tpr = np.r_[0, tps[kept] / tps[-1]][::-1]
    _, index = min(zip(abs(fpr - target), range(len(fpr))))
    return tpr[index], fpr[index]


def table(path):
    return [line.split() for line in path.read_text().splitlines()]


def subjects_of(path):
    rows = [line.split(",")[:2] for line in path.read_text().splitlines()[1:]]
    return dict(sorted({int(t): int(s) for t, s in rows}.items()))


def expected_ijb(folder, features):
    """The figures of IJB by their names; `features` by photo."""
    meta, found = folder / "meta", {}
    rows = table(meta / "ijbc_face_tid_mid.txt")
    x = np.array([features[row[0]] for row in rows])
    ids, media = (np.array([int(row[k]) for row in rows]) for k in (1, 2))
    scores = np.array([float(row[-1]) for row in table(meta / "ijbc_name_5pts_score.txt")])
    pairs = np.array(table(meta / "ijbc_template_pair_label.txt"), int)
    for mode, kept, detector in (("N1D1", 1, 1), ("N1D0", 1, 0), ("N0D1", 0, 1)):
        unique, made = templates(x, ids, media, scores, kept, detector)
        first, second = (np.searchsorted(unique, pairs[:, k]) for k in (0, 1))
        similarity, same = (made[first] * made[second]).sum(1), pairs[:, 2] == 1
        for target in TARGETS:
            if (~same).sum() < max(20, round(1 / target)):
                continue
            name = f"{mode} TAR@FAR={target:.0e}".replace("e-0", "e-")
            found[name] = (*strict(similarity, same, target), *nearest(similarity, same, target))
    unique, made = templates(x, ids, media, scores, 1, 1)
    at = {t: made[n] for n, t in enumerate(unique)}
    galleries = [subjects_of(meta / f"ijbc_1N_gallery_{g}.csv") for g in ("G1", "G2")]
    probes = subjects_of(meta / "ijbc_1N_probe_mixed.csv")
    q, who = np.array([at[t] for t in probes]), np.array(list(probes.values()))
    by_gallery = [q @ np.array([at[t] for t in g]).T for g in galleries]
    both, people = np.hstack(by_gallery), np.array([s for g in galleries for s in g.values()])
    mates = np.array([int(np.flatnonzero(people == p)[0]) for p in who])
    ranked = np.argsort(-both, axis=1)
    for k in (1, 5, 10):
        found[f"rank-{k}"] = (np.mean([m in r[:k] for m, r in zip(mates, ranked)]),)
    sides = [np.array(list(g.values())) for g in galleries]
    for x in (.01, .1):
        if min((~np.isin(who, side)).sum() for side in sides) >= round(1 / x):
            found[f"TPIR@FPIR={x} NIST"] = (nist(by_gallery, who, sides, x),)
        if len(who) >= round(1 / x):
            found[f"TPIR@FPIR={x} all"] = (pooled(both, mates, x),)
    return found


def expected_tiny(features):
    label = lambda name: int(name.split("/")[1].split("_")[0])
    unit = {n: v / np.linalg.norm(v) for n, v in features.items()}
    gallery = [n for n in unit if n.startswith("Gallery")]
    labels = np.array([label(n) if "Match" in n else -100 for n in gallery])
    rows, hits = np.array([unit[n] for n in gallery]), []
    for name in unit:
        if name.startswith("Probe") and label(name) in labels:
            ranked = labels[np.argsort(-(rows @ unit[name]))]
            hits.append([label(name) in ranked[:k] for k in (1, 5, 20)])
    return {f"rank-{k}": (share,) for k, share in zip((1, 5, 20), np.mean(hits, axis=0))}


def figures(text):
    """The printed figures by their names."""
    found, number = {}, r"([0-9.]+)(?: \([0-9.]+ to [0-9.]+\))?"
    for line in text.splitlines():
        if m := re.match(rf"(\S+ TAR@FAR=\S+) {number}, threshold \S+ at FAR {number}; "
                         rf"nearest point {number} at FAR {number}$", line):
            found[m[1]] = tuple(map(float, m.groups()[1:]))
        elif m := re.match(rf"(rank-\d+) {number}$", line):
            found[m[1]] = (float(m[2]),)
        elif m := re.match(rf"(TPIR@FPIR=\S+) {number}, (NIST|all)", line):
            found[f"{m[1]} {m[3]}"] = (float(m[2]),)
    return found


def run(*words):
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, words))}: {done.stdout}{done.stderr}")
    return done.stdout


def embedded(program, checkpoint, photos, scratch, *more):
    run(program, "embed", checkpoint, "--data", photos, "--flip-test", "--out", scratch / "faces.npz", *more)
    stored = np.load(scratch / "faces.npz")
    return {str(n).removeprefix("./"): v for n, v in
            zip(stored["names"], stored["embeddings"].astype(float))}


def check(program, checkpoint, out):
    points = [line.rsplit(" ", 1)[0] for line in
              (out / "IJBC/meta/ijbc_name_5pts_score.txt").read_text().splitlines()]
    write(out / "points.txt", points)
    ijb = embedded(program, checkpoint, out / "IJBC/loose_crop", out, "--landmarks", out / "points.txt")
    tiny = embedded(program, checkpoint, out / "Testing_Set", out)
    equal = differ = 0
    for name, expected, said in (
            ("ijb", expected_ijb(out / "IJBC", ijb), run(program, "ijb", checkpoint, out / "IJBC")),
            ("tinyface", expected_tiny(tiny), run(program, "tinyface", checkpoint, out / "Testing_Set"))):
        printed = figures(said)
        for key in sorted(set(expected) | set(printed)):
            a, b = expected.get(key, ()), printed.get(key, ())
            if len(a) == len(b) and all(abs(x - y) <= 1e-6 for x, y in zip(a, b)):
                equal += len(a)
            else:
                differ += 1
                print(f"{name}: {key}: NumPy {a}, printed {b}")
    print(f"{equal} figures equal, {differ} differ")
    sys.exit(int(differ > 0 or equal < 30))


def scale(program, scratch, photos=469_375, count=23_124, same=19_557, other=15_638_932):
    dice = np.random.default_rng(3)
    people = 3_531
    meta = scratch / "meta"
    template = np.sort(np.r_[np.arange(count), dice.integers(0, count, photos - count)])
    person = np.arange(count) % people
    centres = dice.normal(size=(people, 512)).astype(np.float32)
    values = np.lib.format.open_memmap(
        scratch / "faces.npy", "w+", np.float32, (photos, 512))
    for start in range(0, photos, 20_000):
        rows = template[start:start + 20_000]
        values[start:start + 20_000] = centres[person[rows]] + 2.5 * dice.normal(
            size=(len(rows), 512)).astype(np.float32)
    values.flush()
    names = [f"{n + 1}.jpg" for n in range(photos)]
    write(scratch / "faces.txt", names)
    write(meta / "ijbc_face_tid_mid.txt", [
        f"{n} {t + 1} {k}" for n, t, k in zip(names, template, dice.integers(0, 99_999, photos))])
    write(meta / "ijbc_name_5pts_score.txt", [
        f"{n} 38 52 73 51 56 72 41 92 70 92 {s:.4f}" for n, s in zip(names, dice.uniform(.5, 1, photos))])
    with open(meta / "ijbc_template_pair_label.txt", "w") as file:
        a = dice.integers(0, count - people, same)
        file.writelines(f"{x + 1} {x + people + 1} 1\n" for x in a)
        for _ in range(0, other, 1 << 20):
            size = min(1 << 20, other - _)
            a, step = dice.integers(0, count, size), dice.integers(1, people, size)
            file.writelines(f"{x + 1} {(x + y) % count + 1} 0\n" for x, y in zip(a, step))
    for file, chosen in (("gallery_G1", range(0, people // 2)), ("gallery_G2", range(people // 2, people)),
                         ("probe_mixed", range(people, count))):
        write(meta / f"ijbc_1N_{file}.csv", ["TEMPLATE_ID,SUBJECT_ID"] + [
            f"{t + 1},{person[t]}" for t in chosen])
    start = time.monotonic()
    print(run(program, "ijb", scratch, "--embeddings", scratch / "faces.npy", "--names", scratch / "faces.txt",
              "--threads", 2))
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{time.monotonic() - start:.1f} s, {used.ru_utime + used.ru_stime:.1f} s of processors, "
          f"{used.ru_maxrss / 2**20:.2f} GiB on {os.cpu_count()} cores")


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    if what == "make":
        make(*map(pathlib.Path, rest))
    elif what == "check":
        check(rest[0], *map(pathlib.Path, rest[1:]))
    else:
        scale(rest[0], pathlib.Path(rest[1]))
