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
