"""Whether training steps of ddp-train follow PyTorch's, from the same weights and batches.

ArcFace of scale 64 on noise is chaotic at the published first weights, N(0, 0.1): PyTorch in float32
strays from PyTorch in float64 by percents within 50 steps. Batch norm makes the size of a convolution's
weights matter to the pace of learning alone, so larger ones give the same network a calmer course. How far
PyTorch strays from itself when only the memory layout changes is reported beside every result.
"""

import copy
import json
import pathlib

import numpy
import torch
from torch import nn

BATCH = 16


def write_safetensors(path, tensors):
    """`tensors`: name to float32 array."""
    header, blobs, end = {}, [], 0
    for name, array in tensors.items():
        array = numpy.ascontiguousarray(array, dtype="<f4")
        header[name] = {"dtype": "F32", "shape": array.shape, "data_offsets": [end, end + array.nbytes]}
        blobs.append(array.tobytes())
        end += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for blob in blobs:
            file.write(blob)


def read_safetensors(path):
    raw = pathlib.Path(path).read_bytes()
    start = 8 + int.from_bytes(raw[:8], "little")
    result = {}
    for name, entry in json.loads(raw[8:start]).items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            array = numpy.frombuffer(raw[start + begin : start + end], dtype="<f4")
            result[name] = array.reshape(entry["shape"])
    return result


def named(module):
    """Parameters by the names that ddp-train has for them."""
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            yield ("head.weight" if name == "head" else name.removeprefix("backbone.")), parameter


def cosine(a, b):
    a, b = numpy.float64(a).ravel(), numpy.float64(b).ravel()
    return float(a @ b / max(numpy.linalg.norm(a) * numpy.linalg.norm(b), 1e-300))


class Follow:
    def __init__(self, options, module):
        self.folder = pathlib.Path(options.folder)
        torch.manual_seed(5)
        for layer in module.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.normal_(layer.weight, 0, options.deviation)
        nn.init.normal_(module.head, 0, options.deviation)
        count = options.steps * BATCH
        images = torch.rand(count, 3, options.image_size, options.image_size) * 2 - 1
        labels = torch.randint(options.classes, (count,))
        numpy.save(self.folder / "images.npy", images.numpy())
        numpy.save(self.folder / "labels.npy", labels.numpy().astype("<f4"))
        weights = {name: p.detach().numpy() for name, p in named(module)}
        write_safetensors(self.folder / "weights.safetensors", weights)
        self.exact = self.first_gradients(copy.deepcopy(module).double(), images.double(), labels)
        self.own = self.first_gradients(copy.deepcopy(module), images, labels)
        other = copy.deepcopy(module).to(memory_format=torch.channels_last)
        self.losses = self.steps(module, images, labels, options.steps)
        images = images.contiguous(memory_format=torch.channels_last)
        self.other = self.steps(other, images, labels, options.steps)

    @staticmethod
    def first_gradients(module, images, labels):
        module.train()(images[:BATCH], labels[:BATCH]).backward()
        return {name: p.grad.numpy() for name, p in named(module)}

    @staticmethod
    def steps(module, images, labels, count):
        trained = [p for p in module.parameters() if p.requires_grad]
        optimizer = torch.optim.SGD(trained, lr=0.01, momentum=0.9)
        losses = []
        for step in range(count):
            slots = slice(step * BATCH, (step + 1) * BATCH)
            loss = module.train()(images[slots], labels[slots])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return numpy.array(losses)

    def answer(self, line):
        if line.strip() == "ready":
            return "ready"
        losses = numpy.load(self.folder / "losses.npy")
        gradients = read_safetensors(self.folder / "gradients.safetensors")
        # A bias in front of a batch norm has no gradient but rounding: there is nothing to compare.
        norms = {name: numpy.linalg.norm(g) for name, g in self.exact.items()}
        floor = 1e-10 * max(norms.values())
        compared = [name for name, norm in norms.items() if norm > floor]
        cosines = {name: cosine(gradients[name], self.own[name]) for name in compared}
        worst = min(cosines, key=cosines.get)
        relative = abs(losses - self.losses) / abs(self.losses)
        return {
            "losses": [float(x) for x in losses],
            "torch_losses": [float(x) for x in self.losses],
            "worst_relative": float(relative.max()),
            "torch_own_relative": float((abs(self.other - self.losses) / abs(self.losses)).max()),
            "worst_step": int(relative.argmax()) + 1,
            "tensors": len(compared),
            "without_gradient": sorted(set(norms) - set(compared)),
            "worst_cosine": cosines[worst],
            "worst_tensor": worst,
            "worst_cosine_to_double": min(cosine(gradients[n], self.exact[n]) for n in compared),
            "torch_worst_cosine_to_double": min(
                cosine(self.own[n], self.exact[n]) for n in compared
            ),
        }
