"""Pickles of verification sets as Python 3 writes them, for Tests/InterchangeTests/VerificationBinTests.

Two pairs of made-up images, the second pair of one person: images as bytes, and as NumPy arrays of
bytes [n, 1] (insightface's build_eval_pack.py), at the protocols that files are found in.

    python3 scripts/golden/verification_bin.py      (needs numpy)
"""

import base64
import pickle

import numpy as np

images = [bytes([255, 216, i]) + bytes(range(i)) + bytes([200 + i]) for i in range(4)]
arrays = [np.frombuffer(image, np.uint8).reshape(-1, 1).copy() for image in images]
for kind, items in [("bytes", images), ("arrays", arrays)]:
    for protocol in [2, 4, 5]:
        data = pickle.dumps((items, [False, True]), protocol=protocol)
        print(f'    ("{kind} {protocol}", "{base64.b64encode(data).decode()}"),')
data = pickle.dumps((images, [np.bool_(False), np.bool_(True)]), protocol=4)
print(f'    ("numpy truths", "{base64.b64encode(data).decode()}"),')

# Truths and images as other scripts keep them, for VerificationBinTruthTests.
truths = [False, True]
for kind, value, protocol in [
    ("numpy truths 2", (images, [np.bool_(t) for t in truths]), 2),
    ("an array of truths 2", (images, np.array(truths)), 2),
    ("an array of truths 4", (images, np.array(truths)), 4),
    ("an array of truths 5", (images, np.array(truths)), 5),
    ("an array of big-endian integers", (images, np.array(truths).astype(">i8")), 4),
    ("numpy integers", (images, [np.int64(t) for t in truths]), 4),
    ("floats", (images, [float(t) for t in truths]), 4),
    ("minus one for two people", (images, [2 * t - 1 for t in truths]), 4),
    ("numpy floats", (images, [np.float32(t) for t in truths]), 4),
    ("an array of minus ones", (images, 2 * np.array(truths) - 1), 4),
    ("an array of halves of minus one", (images, (2 * np.array(truths) - 1).astype(">f2")), 4),
    ("an array of floats", (images, np.array(truths).astype(float)), 4),
    ("an array of objects", (np.array(images, dtype=object), truths), 4),
    ("numpy voids", ([np.void(image) for image in images], truths), 4),
    ("an array of numbers", (images, np.array([0.5, 1])), 4),
    ("an array of bytes of all ones", (images, np.array([255, 1], np.uint8)), 4),
    ("an array of twos", (images, np.array([0, 2])), 4),
]:
    print(f'    ("{kind}", "{base64.b64encode(pickle.dumps(value, protocol=protocol)).decode()}"),')
