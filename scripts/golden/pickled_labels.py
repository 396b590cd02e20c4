"""Writes Tests/InterchangeTests/PickledLabels.swift: pickles of (image, label) by Python, NumPy and
PyTorch, each with the label that it means.

Run with NumPy and torch 2 installed: python scripts/golden/pickled_labels.py
"""

import base64
import pathlib
import pickle
import textwrap

import numpy as np
import torch

IMAGE = b"\xff\xd8image"
GOOD = [
    ("7", 7), ("300", 300), ("-3", -3), ("5000000000", 5000000000), ("ann", "ann"), ("7", 7.0),
    ("bob", b"bob"), ("7", np.int64(7)), ("-7", np.int32(-7)), ("255", np.uint8(255)),
    ("65000", np.uint16(65000)), ("9", np.array(9)), ("12", np.array([12], dtype=">i4")),
    ("3", np.float32(3)), ("çelik", np.str_("çelik")), ("ann", np.bytes_(b"ann")),
    ("7", torch.tensor(7)), ("-2", torch.tensor([-2], dtype=torch.int32)),
    ("5", torch.arange(10)[5]), ("4", torch.tensor(4.0)),
]
BAD = [
    ("0.5", 0.5), ("None", None), ("True or False", True), ("list", [1, 2]), ("dictionary", {}),
    ("array of NumPy of 3", np.arange(3)), ("'c8'", np.complex64(1)), ("tensor of PyTorch of [2]", torch.arange(2)),
    ("datetime.date", __import__("datetime").date(2020, 1, 1)),
]


def lines(rows):
    for protocol in (2, 4, 5):
        for shown, label in rows:
            data = base64.b64encode(pickle.dumps((IMAGE, label), protocol)).decode()
            pieces = textwrap.wrap(data, 86)
            text = "\n        + ".join(f'"{piece}"' for piece in pieces)
            yield f'    (\n      "{shown}",\n      {text}\n    ),'


target = pathlib.Path(__file__).parents[2] / "Tests/InterchangeTests/PickledLabels.swift"
target.write_text(
    "/// Written by scripts/golden/pickled_labels.py.\nenum PickledLabels {\n"
    "  /// The label and the pickle of (image, label), in base64.\n"
    "  static let good: [(label: String, pickle: String)] = [\n" + "\n".join(lines(GOOD)) + "\n  ]\n"
    "  /// What is said instead of a label, and the pickle.\n"
    "  static let bad: [(said: String, pickle: String)] = [\n" + "\n".join(lines(BAD)) + "\n  ]\n}\n")
