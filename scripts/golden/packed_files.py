"""Writes Tests/TestSupport/PackedFiles.swift: what zlib, NumPy and PyTorch write, byte by byte.

Run with NumPy and torch 2 installed: python scripts/golden/packed_files.py
"""

import collections
import io
import zlib

import numpy as np
import torch

import base64_files
from torch_files import saved


def deflated(data, level, strategy=zlib.Z_DEFAULT_STRATEGY):
    packer = zlib.compressobj(level, zlib.DEFLATED, -15, 9, strategy)
    return packer.compress(data) + packer.flush()


def archive(**arrays):
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def scripted():
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), buffer)
    return buffer.getvalue()


# Byte i is i * i * i mod 251, but zero where i is a multiple of 7: few symbols are frequent, many rare.
NUMBERS = bytes(0 if i % 7 == 0 else i * i * i % 251 for i in range(4000))
A, B = torch.tensor([1.5, -2.0]), torch.tensor([3.0, 4.0])
FILES = {
    "dynamic": ("NUMBERS by codes of its own.", deflated(NUMBERS, 9)),
    "fixed": ("The first 300 of NUMBERS by the fixed codes.", deflated(NUMBERS[:300], 9, zlib.Z_FIXED)),
    "stored": ("The first 100 of NUMBERS as they are.", deflated(NUMBERS[:100], 0)),
    "archive": (
        "embeddings [2, 3] in Fortran order of big-endian floats, names of bytes, objects.",
        archive(embeddings=np.asfortranarray(np.arange(6, dtype=">f4").reshape(2, 3)),
                names=np.array(["ann/1.jpg", "bo/2.jpg"], dtype="S"),
                more=np.array([{"a": 1}], dtype=object)),
    ),
    "imageNetExample": (
        "A state dict beside a tensor, as PyTorch's ImageNet example saves them.",
        saved({"epoch": 5, "arch": "r18", "best_acc1": torch.tensor(71.5),
               "state_dict": {"module.a": A}, "optimizer": {"state": {}, "param_groups": []}}),
    ),
    "teacherAndStudent": (
        "Two networks in one state dict.",
        saved({"state_dict": collections.OrderedDict({"module.encoder_q.a": A, "module.encoder_k.a": B})}),
    ),
    "expanded": ("One number as [2, 3] by strides of 0.", saved({"a": A[:1].expand(2, 3)})),
    "complexBeside": ("A complex tensor beside one of floats.", saved({"a": A, "c": torch.complex(A, B)})),
    "buffer": ("A buffer, which is a subclass of tensors.", saved({"a": torch.nn.Buffer(A)})),
    "torchScript": ("TorchScript, whose code is packed.", scripted()),
}

if __name__ == "__main__":
    base64_files.write("PackedFiles", "What zlib, NumPy and PyTorch write", __file__, FILES)
