#!/usr/bin/env python3
"""Writes Tests/Golden/verification.json: small made-up embeddings and the figures that
numpy, scipy and scikit-learn compute from them by the procedures of the field.

Accuracy, mean ROC: insightface recognition/arcface_torch/eval/verification.py (10 contiguous folds,
thresholds 0, 0.01, ... 3.99, strict <, first best threshold on the other folds).
AUC: sklearn.metrics.auc of the mean ROC, and sklearn.metrics.roc_auc_score over all distances.
EER: facenet src/validate_on_lfw.py (Brent on the interpolated mean ROC).
VAL: per fold the largest t of 0, 0.001, ... 3.999 with FAR on the other folds <= target.

Run with numpy 2.4, scipy 1.17, scikit-learn 1.9:  python3 scripts/golden/verification.py
"""

import json
import pathlib

import numpy as np
from scipy.interpolate import interp1d
from scipy.optimize import brentq
from sklearn.metrics import auc, roc_auc_score

PEOPLE, PHOTOS, DIMENSION, FOLDS, PER_KIND = 40, 4, 8, 10, 24


def make():
    rng = np.random.default_rng(4)
    centres = rng.normal(size=(PEOPLE, 1, DIMENSION))
    noise = rng.normal(size=(PEOPLE, PHOTOS, DIMENSION)) * 0.62
    # Multiples of 1/16, so that the file is short and Float holds them exactly.
    sixteenths = np.rint(16 * (centres + noise)).astype(int).reshape(-1, DIMENSION)
    weights = np.rint(16 * centres[:, 0] * rng.uniform(0.5, 2, size=(PEOPLE, 1))).astype(int)
    pairs, per_fold = [], PEOPLE // FOLDS
    for fold in range(FOLDS):
        people = range(fold * per_fold, (fold + 1) * per_fold)
        same = [
            (p * PHOTOS + i, p * PHOTOS + j)
            for p in people for i in range(PHOTOS) for j in range(i + 1, PHOTOS)
        ]
        different = [
            (a, b)
            for a in range(people[0] * PHOTOS, (people[-1] + 1) * PHOTOS)
            for b in range(a + 1, (people[-1] + 1) * PHOTOS) if a // PHOTOS != b // PHOTOS
        ]
        for kind, label in ((same, 1), (different, 0)):
            chosen = rng.permutation(len(kind))[:PER_KIND]
            pairs += [(*kind[i], label) for i in sorted(chosen)]
    return sixteenths, weights, pairs


def k_fold(distances, same, folds):
    thresholds = np.arange(0, 4, 0.01)
    accuracies, best, tprs, fprs = [], [], [], []
    for held in folds:
        rest = np.setdiff1d(np.arange(len(same)), held)
        accuracy = [np.mean((distances[rest] < t) == same[rest]) for t in thresholds]
        chosen = int(np.argmax(accuracy))
        best.append(thresholds[chosen])
        accuracies.append(np.mean((distances[held] < thresholds[chosen]) == same[held]))
        accepted = distances[held][None, :] < thresholds[:, None]
        tprs.append(accepted[:, same[held]].mean(axis=1))
        fprs.append(accepted[:, ~same[held]].mean(axis=1))
    return np.array(accuracies), np.array(best), np.mean(tprs, axis=0), np.mean(fprs, axis=0)


def validation(distances, same, folds, target):
    thresholds = np.arange(0, 4, 0.001)
    rates = []
    for held in folds:
        rest = np.setdiff1d(np.arange(len(same)), held)
        accepted = distances[rest][~same[rest]][None, :] < thresholds[:, None]
        t = thresholds[accepted.mean(axis=1) <= target].max()
        rates.append(((distances[held][same[held]] < t).mean(),
                      (distances[held][~same[held]] < t).mean()))
    val, far = np.array(rates).T
    return {"target": target, "mean": val.mean(), "std": val.std(), "reached": far.mean()}


def rank_one(unit, labels, probes, gallery):
    right = 0
    for probe in probes:
        others = np.array([g for g in gallery if g != probe])
        scores = unit[others] @ unit[probe]
        is_own = labels[others] == labels[probe]
        # Somebody else's photo that is as similar stands before the person's own.
        right += scores[is_own].max(initial=-np.inf) > scores[~is_own].max(initial=-np.inf)
    return right / len(probes)


def main():
    sixteenths, weights, pairs = make()
    raw = sixteenths / 16
    unit = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    first, second, same = np.array(pairs).T
    same = same.astype(bool)
    distances = np.square(unit[first] - unit[second]).sum(axis=1)
    folds = np.arange(len(same)).reshape(FOLDS, -1)

    accuracies, thresholds, tpr, fpr = k_fold(distances, same, folds)
    labels = np.repeat(np.arange(PEOPLE), PHOTOS)
    photos = np.arange(len(labels))
    heads = photos[photos % PHOTOS == 0]
    classes = weights / 16
    cosines = raw @ (classes / np.linalg.norm(classes, axis=1, keepdims=True)).T
    everyone = np.square(unit[:, None] - unit[None]).sum(axis=2)
    figures = {
        "accuracy": accuracies.mean(),
        "accuracyStd": accuracies.std(),
        "foldAccuracies": accuracies.tolist(),
        "foldThresholds": thresholds.tolist(),
        "validation": [validation(distances, same, folds, t) for t in (1e-1, 1e-2, 1e-3)],
        "auc": auc(fpr, tpr),
        "aucExact": roc_auc_score(same, -distances),
        "eer": brentq(lambda x: 1 - x - interp1d(fpr, tpr)(x), 0, 1),
        "rank1FirstPhoto": rank_one(unit, labels, np.setdiff1d(photos, heads), heads),
        "rank1AllOthers": rank_one(unit, labels, photos, photos),
        "closedSetDot": np.mean(np.argmax(raw @ classes.T, axis=1) == labels),
        "closedSetCosine": np.mean(np.argmax(cosines, axis=1) == labels),
        "meanNorm": np.linalg.norm(raw, axis=1).mean(),
        "meanPairwiseDistance": everyone[np.triu_indices(len(labels), 1)].mean(),
    }
    # A tie between a photo's two best classes would make the expected figures a matter of rounding.
    for scores in (raw @ classes.T, cosines):
        top = np.sort(scores, axis=1)[:, -2:]
        assert (top[:, 1] - top[:, 0]).min() > 1e-4

    out = {
        "dimension": DIMENSION,
        "foldCount": FOLDS,
        "photosPerPerson": PHOTOS,
        "embeddingSixteenths": sixteenths.ravel().tolist(),
        "classSixteenths": weights.ravel().tolist(),
        "pairs": [int(v) for pair in pairs for v in pair],
        "figures": figures,
    }
    path = pathlib.Path(__file__).parents[2] / "Tests/Golden/verification.json"
    path.write_text(json.dumps(out, separators=(",", ":"), default=float) + "\n")
    print(json.dumps(figures, indent=1, default=float))


main()
