"""Writes Tests/TestSupport/TorchFiles.swift: small files of torch.save, as PyTorch writes them.

Run with torch 2 installed: python scripts/golden/torch_files.py
"""

import collections
import io

import torch

import base64_files


def saved(value, **options):
    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    return buffer.getvalue()


class Module(torch.nn.Module):
    pass


WHOLE = torch.arange(12, dtype=torch.float32).reshape(3, 4)
STATE = collections.OrderedDict(
    a=torch.tensor([1.5, -2.0, 3.25]),
    view=WHOLE[1:, 1:3],
    turned=WHOLE.t(),
    double=torch.tensor([0.1], dtype=torch.float64),
    half=torch.tensor([0.5, 65504.0], dtype=torch.float16),
    brain=torch.tensor([1.0, -3.0], dtype=torch.bfloat16),
    long=torch.tensor(7, dtype=torch.int64),
)
FILES = {
    "stateDictionary": ("STATE itself.", saved(STATE)),
    "checkpoint": (
        "STATE's first tensor as a parameter under a key, beside other things.",
        saved({"epoch": 3, "state_dict": {"a": torch.nn.Parameter(STATE["a"])}, "lr": [0.1, None]}),
    ),
    "legacy": ("STATE in the format before 1.6.", saved(STATE, _use_new_zipfile_serialization=False)),
    "module": ("A whole module.", saved(Module())),
}

if __name__ == "__main__":
    base64_files.write("TorchFiles", "Files of torch.save", __file__, FILES)
