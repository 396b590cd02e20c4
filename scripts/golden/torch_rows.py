"""Writes Tests/TestSupport/TorchRowFiles.swift: embeddings as people save them by torch.save.

Run with torch 2 installed: python scripts/golden/torch_rows.py
"""

import torch

import base64_files
from torch_files import saved

ROWS = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
NAMES = ["ann/1.jpg", "ann/2.jpg", "bob/1.jpg"]
FILES = {
    "bare": ("ROWS itself.", saved(ROWS)),
    "legacy": ("The same in the format before 1.6.", saved(ROWS, _use_new_zipfile_serialization=False)),
    "vectors": ("A list of vectors.", saved([row.clone() for row in ROWS])),
    "batches": ("A list of batches.", saved([ROWS[:2], ROWS[2:]])),
    "byName": ("Vectors by name.", saved(dict(zip(NAMES, ROWS)))),
    "rowsByName": (
        "Matrices of one row by name.",
        saved({name: row.reshape(1, -1).clone() for name, row in zip(NAMES, ROWS)})),
    "named": ("Rows, labels and names.",
              saved({"embeddings": ROWS, "labels": torch.tensor([0, 0, 1]), "names": NAMES})),
    "paths": ("Rows under another name, and two lists of texts.",
              saved({"feats": ROWS, "path": NAMES, "people": ["ann", "ann", "bob"]})),
    "fewerNames": ("Rows, and names of two of them.", saved({"embeddings": ROWS, "names": NAMES[:2]})),
    "cube": ("Rows with a side too many.", saved({"embeddings": ROWS.reshape(3, 1, 2)})),
    "several": ("Two matrices.", saved({"left": ROWS, "right": ROWS.clone()})),
}

if __name__ == "__main__":
    base64_files.write("TorchRowFiles", "Embeddings in files of torch.save", __file__, FILES)
