"""Writes Tests/Golden/mtcnn/{pnet,rnet,onet}.pt and mtcnn.json: drawn weights of MTCNN's shapes, and what facenet-pytorch finds by them.

python3 -m venv venv && venv/bin/pip install numpy pillow requests torch torchvision tqdm && venv/bin/pip install --no-deps facenet-pytorch==2.6.0
venv/bin/python scripts/golden/mtcnn.py                      # the files of the tests
venv/bin/python scripts/golden/mtcnn.py PHOTOS FOUND.csv     # what `ddp-train align --detector facenet_pytorch/data` found, against it
The last run used numpy 2.4.6, torch 2.15.0, torchvision 0.29.2 and facenet-pytorch 2.6.0.

A weight is a view of a few numbers with strides that overlap, so that files of all the shapes are small. The biases of the
scores are set so that some windows pass each network. The photos are mosaics by a formula that the Swift test has too. With
weights that differ by a millionth the same faces are found: none of them hangs on the last bit of a float.
"""

import csv
import json
import pathlib
import sys

import numpy as np
import torch
from facenet_pytorch.models.mtcnn import ONet, PNet, RNet
from facenet_pytorch.models.utils.detect_face import detect_face

OUT = pathlib.Path(__file__).parents[2] / "Tests/Golden"
SIZES = [(120, 90), (61, 83), (40, 40), (19, 60)]
POINTS = [0.33, 0.67, 0.5, 0.36, 0.64, 0.4, 0.4, 0.6, 0.78, 0.78]
STRIDES = {4: (11, 5, 3, 1), 2: (7, 1), 1: (1,)}


def mosaic(width, height):
    """What the Swift test makes too: bytes [height, width, 3]."""
    y, x, c = np.ogrid[:height, :width, :3]
    return ((x // 9 * 37 + y // 7 * 59 + x // 9 * (y // 7) * 13 + c * 70) % 256).astype(np.uint8)


def drawn(module, generator):
    """The state dict of `module` with other numbers, in half precision."""
    state = {}
    for name, tensor in module.state_dict().items():
        layer, kind = name.split(".")
        if kind == "bias":
            scale, middle = 0.1, 0
        elif layer.startswith("prelu"):
            scale, middle = 0.1, 0.25
        else:
            scale, middle = (2 / tensor[0].numel()) ** 0.5, 0
        if layer in ("conv4_2", "dense5_2", "dense6_2", "dense6_3"):
            scale *= 0.05
        strides = STRIDES[tensor.dim()]
        count = 1 + sum((side - 1) * stride for side, stride in zip(tensor.shape, strides))
        numbers = (torch.randn(count, generator=generator) * scale + middle).half()
        if name == "dense6_3.bias":
            numbers = torch.tensor(POINTS).half()
        state[name] = numbers.as_strided(tensor.shape, strides)
    module.load_state_dict(state)
    return state


def networks(states=None, shaken=False):
    modules = [PNet(pretrained=False), RNet(pretrained=False), ONet(pretrained=False)]
    if states:
        for module, state in zip(modules, states):
            generator = torch.Generator().manual_seed(7)
            module.load_state_dict({
                name: tensor.float() * (1 + shaken * 1e-6 * torch.randn(tensor.shape, generator=generator))
                for name, tensor in state.items()})
    return modules


def found(modules, image, least):
    boxes, points = detect_face(image, 20, *modules, [0.6, 0.7, least], 0.709, "cpu")
    return np.array(boxes[0], float).reshape(-1, 5), np.array(points[0], float).reshape(-1, 10)


def shift(module, state, layer, scores, quantile):
    """Moves the bias of `layer` so that its second score stands out in a share of `scores` [N, 2]."""
    edge = np.quantile(scores[:, 1] - scores[:, 0], quantile)
    bias = state[layer + ".bias"].clone()
    bias[1] += float(0.85 + 0.02 - edge)
    state[layer + ".bias"] = bias.half()
    module.load_state_dict(state)


def draw():
    torch.set_grad_enabled(False)
    generator = torch.Generator().manual_seed(3)
    modules = networks()
    states = [drawn(module, generator) for module in modules]
    seen = {}

    def keep(layer):
        def hook(module, inputs, output):
            seen.setdefault(layer, []).append(output.movedim(1, -1).reshape(-1, 2).numpy())
        return hook

    for number, (layer, quantile) in enumerate((("conv4_1", 0.97), ("dense5_1", 0.4), ("dense6_1", 0.5))):
        handle = getattr(modules[number], layer).register_forward_hook(keep(layer))
        for width, height in SIZES[:3]:
            try:
                found(modules, mosaic(width, height), 0.6)
            except (RuntimeError, TypeError):
                pass  # Nothing has passed, which facenet-pytorch does not expect.
        handle.remove()
        shift(modules[number], states[number], layer, np.concatenate(seen[layer]), quantile)
    (OUT / "mtcnn").mkdir(exist_ok=True)
    for name, state in zip(("pnet", "rnet", "onet"), states):
        torch.save(state, OUT / f"mtcnn/{name}.pt")
    photos = []
    for width, height in SIZES:
        image = mosaic(width, height)
        faces = []
        if min(width, height) >= 20:
            boxes, points = found(networks(states), image, 0.6)
            others, other_points = found(networks(states, shaken=True), image, 0.6)
            assert boxes.shape == others.shape, (boxes, others)
            assert np.abs(boxes - others).max(initial=0) < 2e-3, (boxes, others)
            faces = [[round(float(v), 5) for v in np.concatenate(face)] for face in zip(boxes, points)]
        print(f"{width}x{height}: {len(faces)} faces")
        photos.append({"width": width, "height": height, "faces": faces})
    (OUT / "mtcnn.json").write_text(json.dumps({"score": 0.6, "photos": photos}, separators=(",", ":")) + "\n")


def compare(folder, table):
    """Boxes and points of all faces of the photos in a table of `align --points`, against facenet-pytorch's."""
    from PIL import Image

    torch.set_grad_enabled(False)
    modules = [PNet(), RNet(), ONet()]
    rows = {}
    for row in csv.DictReader(open(table)):
        rows.setdefault(row["path"], []).append(row)
    counts, differences, most = [0, 0, 0], [], 0
    for path, own in rows.items():
        image = np.array(Image.open(pathlib.Path(folder) / path).convert("RGB"))
        boxes, points = found(modules, image, 0.7)
        own = [row for row in own if float(row["score"]) > 0]
        counts[0] += 1
        counts[1] += len(own)
        if len(own) != len(boxes):
            counts[2] += 1
            print(f"{path}: {len(own)} faces, facenet-pytorch finds {len(boxes)}")
        for row in own:
            values = list(row.values())
            mine = np.array([float(v) for v in values[1:11]])
            left, top, width, height = (float(v) for v in values[12:16])
            if len(boxes) == 0:
                continue
            near = np.abs(points - mine).max(1)
            best = int(near.argmin())
            edge = np.abs(boxes[best][:4] - [left, top, left + width, top + height]).max()
            differences.append(max(near[best], edge))
    differences = np.array(differences)
    print(f"{counts[0]} photos, {counts[1]} faces, {counts[2]} photos with another number of them")
    print(f"boxes and points: median {np.median(differences):.6f}, 99 % {np.quantile(differences, 0.99):.6f}, "
          f"most {differences.max():.6f} pixels")


if len(sys.argv) == 1:
    draw()
else:
    compare(*sys.argv[1:])
