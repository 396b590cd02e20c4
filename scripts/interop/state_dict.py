"""Writes the arrays of an .npz file as a PyTorch state dict, with Python alone.

    python3 scripts/interop/state_dict.py WEIGHTS.npz OUT.pt

The zip format of torch.save: a pickle whose tensors name their storages, a file each.
"""

import ast
import collections
import pickle
import sys
import types
import zipfile

STORAGES = {"<f4": "FloatStorage", "<f8": "DoubleStorage", "<i8": "LongStorage"}

# The pickle names these by module; they are written down, and never called here.
torch = types.ModuleType("torch")
utils = types.ModuleType("torch._utils")
sys.modules.update({"torch": torch, "torch._utils": utils})


def _rebuild_tensor_v2():
    pass


_rebuild_tensor_v2.__module__ = "torch._utils"
_rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
utils._rebuild_tensor_v2 = _rebuild_tensor_v2
for storage in STORAGES.values():
    setattr(torch, storage, type(storage, (), {"__module__": "torch", "__qualname__": storage}))


class Storage:
    def __init__(self, kind, key, count):
        self.id = ("storage", getattr(torch, kind), key, "cpu", count)


class Tensor:
    def __init__(self, storage, shape):
        self.storage, self.shape = storage, shape

    def __reduce__(self):
        strides, step = [], 1
        for length in reversed(self.shape):
            strides.insert(0, step)
            step *= length
        arguments = (self.storage, 0, self.shape, tuple(strides), False, collections.OrderedDict())
        return _rebuild_tensor_v2, arguments


class Pickler(pickle.Pickler):
    def persistent_id(self, value):
        return value.id if isinstance(value, Storage) else None


def array(data):
    """The type, shape and bytes of an .npy file of format 1."""
    if data[:8] != b"\x93NUMPY\x01\x00":
        sys.exit("state_dict.py: an array is no .npy of format 1.0")
    end = 10 + int.from_bytes(data[8:10], "little")
    header = ast.literal_eval(data[10:end].decode())
    if header["fortran_order"]:
        sys.exit("state_dict.py: an array is in Fortran's order")
    return header["descr"], header["shape"], data[end:]


def main(source, target):
    state, storages = collections.OrderedDict(), []
    with zipfile.ZipFile(source) as arrays:
        for member in arrays.namelist():
            kind, shape, data = array(arrays.read(member))
            if kind not in STORAGES:
                continue  # what the file says about itself is text
            count = len(data) // int(kind[2:])
            key = str(len(storages))
            storages.append(data)
            state[member.removesuffix(".npy")] = Tensor(Storage(STORAGES[kind], key, count), shape)
    with zipfile.ZipFile(target, "w") as file:
        with file.open("archive/data.pkl", "w") as pickled:
            Pickler(pickled, protocol=2).dump(state)
        for key, data in enumerate(storages):
            file.writestr(f"archive/data/{key}", data)
        file.writestr("archive/version", "3\n")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
