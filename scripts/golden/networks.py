"""Writes Tests/NetworksTests/Golden/networks.json: whole networks, forward and backward.

Run with torch 2 and numpy installed: python scripts/golden/networks.py
The networks are narrow versions of insightface's iresnet, the AI-X and CnA residual networks,
torchvision's resnet, FaceNet's networks, insightface's mobilefacenet and facenet-pytorch's
inception_resnet_v1, defined below with the published names, where there are
any. Images, parameters and running moments
come from a formula that the Swift test repeats, so no weights are stored. All in float64; every
network also runs in float32, and the script stops where that alone strays too far, for then the
case would test rounding.
"""

import json
import pathlib

import numpy
import torch
from torch import nn

EMBEDDING, ROWS = 12, 5
CASES = [
    {"model": "iresnet10", "imageSize": 37, "width": 0.25},
    {"model": "iresnet18", "imageSize": 32, "width": 0.125},
    {"model": "aix-resnet18", "imageSize": 32, "width": 0.125},
    {"model": "aix-resnet50", "imageSize": 37, "width": 0.125},
    {"model": "resnet18", "imageSize": 37, "width": 0.125},
    {"model": "resnet50", "imageSize": 40, "width": 0.125},
    {"model": "nn1", "imageSize": 53, "width": 0.03125},
    {"model": "nn2", "imageSize": 69, "width": 0.125},
    {"model": "nn3", "imageSize": 50, "width": 0.0625, "pooling": "l2"},
    {"model": "nn4", "imageSize": 45, "width": 0.125},
    {"model": "nns1", "imageSize": 48, "width": 0.25, "pooling": "max"},
    {"model": "nns2", "imageSize": 93, "imageWidth": 61, "width": 0.5, "batchNorm": True},
    {"model": "mobilefacenet", "imageSize": 45, "width": 0.125},
    {"model": "inception-resnet-v1", "imageSize": 123, "width": 0.0625},
]
STAGES = {10: [1, 1, 1, 1], 18: [2, 2, 2, 2], 34: [3, 4, 6, 3], 50: [3, 4, 6, 3]}
FACE_STAGES = {**STAGES, 50: [3, 4, 14, 3], 100: [3, 13, 30, 3]}


def formula(name, count):
    """`count` numbers in [-1, 1): SplitMix64 at counter 1, 2, ... with the FNV-1a hash of the name."""
    key = 0xCBF29CE484222325
    for byte in name.encode():
        key = (key ^ byte) * 0x100000001B3 % 2**64
    with numpy.errstate(over="ignore"):
        z = numpy.uint64(key) + numpy.arange(1, count + 1, dtype=numpy.uint64) * numpy.uint64(
            0x9E3779B97F4A7C15
        )
        z = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
        z = z ^ (z >> numpy.uint64(31))
    return torch.from_numpy((z >> numpy.uint64(11)).astype(numpy.float64) * 2.0**-52 - 1)


def conv(inputs, outputs, kernel, stride=1):
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)


class FaceBlock(nn.Module):
    """BN - conv - BN - PReLU - conv (stride) - BN, and nothing after the sum."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = conv(inputs, outputs, 3)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.prelu = nn.PReLU(outputs)
        self.conv2 = conv(outputs, outputs, 3, stride)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                conv(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs)
            )

    def forward(self, x):
        y = self.conv1(self.bn1(x))
        y = self.bn3(self.conv2(self.prelu(self.bn2(y))))
        return y + (x if self.downsample is None else self.downsample(x))


class FaceNetwork(nn.Module):
    """iresnet: 3x3 stem, every stage halves the map, flattened into a dense layer between BNs."""

    def __init__(self, depth, width, image_size):
        super().__init__()
        channels = round(64 * width)
        self.conv1 = conv(3, channels, 3)
        self.bn1 = nn.BatchNorm2d(channels)
        self.prelu = nn.PReLU(channels)
        size = image_size
        for stage, blocks in enumerate(FACE_STAGES[depth]):
            outputs = round((64 << stage) * width)
            layer = []
            for block in range(blocks):
                layer.append(FaceBlock(channels, outputs, 2 if block == 0 else 1))
                channels = outputs
            setattr(self, f"layer{stage + 1}", nn.Sequential(*layer))
            size = (size + 1) // 2
        self.bn2 = nn.BatchNorm2d(channels)
        self.fc = nn.Linear(channels * size * size, EMBEDDING)
        self.features = nn.BatchNorm1d(EMBEDDING)
        nn.init.constant_(self.features.weight, 1)
        self.features.weight.requires_grad = False

    def forward(self, x):
        x = self.prelu(self.bn1(self.conv1(x)))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.features(self.fc(torch.flatten(self.bn2(x), 1)))


class NormedConvolution(nn.Module):
    def __init__(self, inputs, outputs, kernel, stride=1):
        super().__init__()
        self.model = nn.Sequential(conv(inputs, outputs, kernel, stride), nn.BatchNorm2d(outputs))

    def forward(self, x):
        return self.model(x)


class AIXBlock(nn.Module):
    def __init__(self, inputs, middle, outputs, bottleneck, downsample):
        super().__init__()
        stride = 2 if downsample else 1
        if bottleneck:
            steps = [(inputs, middle, 1, 1), (middle, middle, 3, stride), (middle, outputs, 1, 1)]
        else:
            steps = [(inputs, middle, 3, stride), (middle, outputs, 3, 1)]
        parts = [NormedConvolution(*steps[0])]
        for step in steps[1:]:
            parts += [nn.ReLU(), NormedConvolution(*step)]
        self.model_main = nn.Sequential(*parts)
        self.model_sc = NormedConvolution(inputs, outputs, 1, 2) if downsample else None

    def forward(self, x):
        shortcut = x if self.model_sc is None else self.model_sc(x)
        return torch.relu(self.model_main(x) + shortcut)


class AIXNetwork(nn.Module):
    """AI-X and CnA: 7x7 stem at stride 1, no pooling; the basic trunk never grows."""

    def __init__(self, depth, width, image_size):
        super().__init__()
        channels = round(64 * width)
        self.init_conv = NormedConvolution(3, channels, 7)
        trunk, blocks = channels, []
        for stage, count in enumerate(STAGES[depth]):
            middle = round((64 << stage) * width)
            outputs = 4 * middle if depth >= 50 else trunk
            for block in range(count):
                blocks.append(AIXBlock(channels, middle, outputs, depth >= 50, block == 0))
                channels = outputs
        self.model = nn.Sequential(*blocks)
        self.last_fcn = nn.Sequential(
            nn.BatchNorm1d(channels),
            nn.Dropout(0.0),
            nn.Linear(channels, EMBEDDING),
            nn.BatchNorm1d(EMBEDDING),
        )

    def forward(self, x):
        x = self.model(torch.relu(self.init_conv(x)))
        return self.last_fcn(x.mean(dim=(2, 3)))


class VisionBlock(nn.Module):
    def __init__(self, inputs, channels, bottleneck, stride):
        super().__init__()
        if bottleneck:
            steps = [(channels, 1, 1), (channels, 3, stride), (4 * channels, 1, 1)]
        else:
            steps = [(channels, 3, stride), (channels, 3, 1)]
        self.count = len(steps)
        width = inputs
        for i, (outputs, kernel, s) in enumerate(steps, start=1):
            setattr(self, f"conv{i}", conv(width, outputs, kernel, s))
            setattr(self, f"bn{i}", nn.BatchNorm2d(outputs))
            width = outputs
        self.outputs = width
        self.downsample = None
        if stride != 1 or inputs != width:
            self.downsample = nn.Sequential(conv(inputs, width, 1, stride), nn.BatchNorm2d(width))

    def forward(self, x):
        y = x
        for i in range(1, self.count + 1):
            y = getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(y))
            if i < self.count:
                y = torch.relu(y)
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


class VisionNetwork(nn.Module):
    """torchvision's resnet: 7x7 / 2 stem, 3x3 / 2 max pool, average pool, linear."""

    def __init__(self, depth, width, image_size):
        super().__init__()
        channels = round(64 * width)
        self.conv1 = conv(3, channels, 7, 2)
        self.bn1 = nn.BatchNorm2d(channels)
        for stage, count in enumerate(STAGES[depth]):
            layer = []
            for block in range(count):
                stride = 2 if block == 0 and stage > 0 else 1
                layer.append(
                    VisionBlock(channels, round((64 << stage) * width), depth >= 50, stride)
                )
                channels = layer[-1].outputs
            setattr(self, f"layer{stage + 1}", nn.Sequential(*layer))
        self.fc = nn.Linear(channels, EMBEDDING)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        x = nn.functional.max_pool2d(x, 3, 2, 1)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean(dim=(2, 3)))


def wide(base, width):
    """`base` channels at that width: a multiple of 8, at least 8."""
    return max(8, int(base * width / 8 + 0.5) * 8)


class RectifiedConvolution(nn.Conv2d):
    """Convolution with bias, or with batch norm instead, and ReLU."""

    def __init__(self, inputs, outputs, kernel, stride, normed):
        super().__init__(inputs, outputs, kernel, stride, kernel // 2, bias=not normed)
        self.bn = nn.BatchNorm2d(outputs) if normed else nn.Identity()

    def forward(self, x):
        return torch.relu(self.bn(super().forward(x)))


def response_norm(x):
    return nn.functional.local_response_norm(x, 5, alpha=1e-4, beta=0.75, k=1)


def pool(x, kind, stride):
    if kind == "max":
        return nn.functional.max_pool2d(x, 3, stride, 1)
    squares = 9 * nn.functional.avg_pool2d(x * x, 3, stride, 1)
    # The root has no derivative at 0, the kernel takes 0.
    positive = squares > 0
    return torch.where(positive, torch.where(positive, squares, 1).sqrt(), 0)


class FaceNet(nn.Module):
    """Common to NN1 and the inception networks: widths, and convolutions with what follows them."""

    def __init__(self, case):
        super().__init__()
        self.width = case["width"]
        self.normed = case.get("batchNorm", False)
        self.height, self.breadth = case["imageSize"], case.get("imageWidth", case["imageSize"])
        self.channels = 3

    def add(self, name, outputs, kernel, stride=1):
        outputs = wide(outputs, self.width)
        self.add_module(
            name, RectifiedConvolution(self.channels, outputs, kernel, stride, self.normed)
        )
        self.channels = outputs
        if stride == 2:
            self.halve()

    def halve(self):
        self.height, self.breadth = (self.height + 1) // 2, (self.breadth + 1) // 2

    def add_maxout(self, name, inputs, outputs):
        self.add_module(name, nn.Linear(inputs, 2 * wide(outputs, self.width)))
        return wide(outputs, self.width)

    def maxout(self, x):
        half = x.shape[1] // 2
        return torch.maximum(x[:, :half], x[:, half:])


class NN1(FaceNet):
    """Table 1 of the paper."""

    def __init__(self, case):
        super().__init__(case)
        self.add("conv1", 64, 7, 2)
        for name, outputs in [("conv2", 192), ("conv3", 384), ("conv4", 256), ("conv5", 256),
                              ("conv6", 256)]:
            if name in ("conv2", "conv3", "conv4"):
                self.halve()
            # Only the fourth does not keep its inputs' number: its 1x1 has 384 outputs.
            first = {"conv2": 64, "conv3": 192, "conv4": 384}.get(name, 256)
            self.add(name + "a", first, 1)
            self.add(name, outputs, 3)
        self.halve()
        features = self.add_maxout("fc1", self.channels * self.height * self.breadth, 4096)
        features = self.add_maxout("fc2", features, 4096)
        self.fc7128 = nn.Linear(features, EMBEDDING)

    def forward(self, x):
        x = response_norm(pool(self.conv1(x), "max", 2))
        x = pool(response_norm(self.conv2(self.conv2a(x))), "max", 2)
        x = pool(self.conv3(self.conv3a(x)), "max", 2)
        x = self.conv5(self.conv5a(self.conv4(self.conv4a(x))))
        x = pool(self.conv6(self.conv6a(x)), "max", 2)
        x = self.maxout(self.fc1(torch.flatten(x, 1)))
        return self.fc7128(self.maxout(self.fc2(x)))


class InceptionModule(FaceNet):
    def __init__(self, case, inputs, row):
        super().__init__(case)
        _, one, three_reduce, three, five_reduce, five, kind, projection, self.stride = row
        self.kind = case.get("pooling", kind)
        self.branches = []
        self.outputs = 0
        for reduce, outputs, size in [(0, one, 1), (three_reduce, three, 3), (five_reduce, five, 5)]:
            if outputs:
                self.channels = inputs
                names = [f"reduce{size}x{size}", f"conv{size}x{size}"][size == 1:]
                if size > 1:
                    self.add(names[0], reduce, 1)
                self.add(names[-1], outputs, size, self.stride)
                self.branches.append(names)
                self.outputs += self.channels
        self.channels = inputs
        self.projects = projection > 0
        if self.projects:
            self.add("projection", projection, 1)
        self.outputs += self.channels

    def forward(self, x):
        parts = []
        for names in self.branches:
            part = x
            for name in names:
                part = getattr(self, name)(part)
            parts.append(part)
        pooled = pool(x, self.kind, self.stride)
        return torch.cat([*parts, self.projection(pooled) if self.projects else pooled], dim=1)


# 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool, projection, stride.
NN2_ROWS = [
    ("inception3a", 64, 96, 128, 16, 32, "max", 32, 1),
    ("inception3b", 64, 96, 128, 32, 64, "l2", 64, 1),
    ("inception3c", 0, 128, 256, 32, 64, "max", 0, 2),
    ("inception4a", 256, 96, 192, 32, 64, "l2", 128, 1),
    ("inception4b", 224, 112, 224, 32, 64, "l2", 128, 1),
    ("inception4c", 192, 128, 256, 32, 64, "l2", 128, 1),
    ("inception4d", 160, 144, 288, 32, 64, "l2", 128, 1),
    ("inception4e", 0, 160, 256, 64, 128, "max", 0, 2),
    ("inception5a", 384, 192, 384, 48, 128, "l2", 128, 1),
    ("inception5b", 384, 192, 384, 48, 128, "max", 128, 1),
]
NNS1_ROWS = [
    ("inception3a", 32, 48, 64, 0, 0, "max", 32, 1),
    ("inception3b", 32, 48, 96, 0, 0, "l2", 32, 1),
    ("inception3c", 0, 64, 128, 16, 32, "max", 0, 2),
    ("inception4a", 96, 64, 128, 16, 32, "l2", 64, 1),
    ("inception4b", 96, 64, 128, 16, 32, "l2", 64, 1),
    ("inception4e", 0, 64, 160, 32, 64, "max", 0, 2),
    ("inception5a", 192, 96, 192, 32, 64, "l2", 64, 1),
    ("inception5b", 192, 96, 192, 32, 64, "max", 64, 1),
]
NNS2_ROWS = [
    ("inception3a", 16, 16, 32, 0, 0, "max", 16, 1),
    ("inception3c", 0, 24, 48, 0, 0, "max", 0, 2),
    ("inception4a", 48, 24, 48, 0, 0, "l2", 32, 1),
    ("inception4e", 0, 48, 96, 0, 0, "max", 0, 2),
    ("inception5a", 96, 32, 64, 0, 0, "l2", 32, 1),
]
# First kernel, outputs of the stem's three convolutions, rows, units of the maxout layer.
INCEPTIONS = {
    "nn2": (7, (64, 64, 192), NN2_ROWS, 0),
    "nn3": (7, (64, 64, 192), NN2_ROWS, 0),
    "nn4": (7, (64, 64, 192), NN2_ROWS[:-3] + [(*r[:4], 0, 0, *r[6:]) for r in NN2_ROWS[-3:]], 0),
    "nns1": (7, (32, 32, 64), NNS1_ROWS, 672),
    "nns2": (5, (16, 16, 32), NNS2_ROWS, 528),
}


class Inception(FaceNet):
    """Table 2 of the paper and its kin."""

    def __init__(self, case):
        super().__init__(case)
        kernel, stem, self.rows, units = INCEPTIONS[case["model"]]
        self.add("conv1", stem[0], kernel, 2)
        self.halve()
        self.inception2 = FaceNet(case)
        self.inception2.channels = self.channels
        self.inception2.add("reduce3x3", stem[1], 1)
        self.inception2.add("conv3x3", stem[2], 3)
        self.channels = self.inception2.channels
        self.halve()
        for row in self.rows:
            module = InceptionModule(case, self.channels, row)
            self.add_module(row[0], module)
            self.channels = module.outputs
            if row[-1] == 2:
                self.halve()
        self.units = units
        if units:
            inputs = self.channels * self.height * self.breadth
            self.channels = self.add_maxout("fc1", inputs, units)
        self.fc = nn.Linear(self.channels, EMBEDDING)

    def forward(self, x):
        x = response_norm(pool(self.conv1(x), "max", 2))
        x = pool(response_norm(self.inception2.conv3x3(self.inception2.reduce3x3(x))), "max", 2)
        for row in self.rows:
            x = getattr(self, row[0])(x)
        if not self.units:
            return self.fc(x.mean(dim=(2, 3)))
        return self.fc(self.maxout(self.fc1(torch.flatten(x, 1))))


class MobileBlock(nn.Module):
    """Convolution, batch norm, and a PReLU unless linear."""

    def __init__(self, inputs, outputs, kernel, stride=1, groups=1, padding=None, linear=False):
        super().__init__()
        padding = kernel // 2 if padding is None else padding
        self.layers = nn.Sequential(
            nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False),
            nn.BatchNorm2d(outputs),
            *([] if linear else [nn.PReLU(outputs)]),
        )

    def forward(self, x):
        return self.layers(x)


class MobileDepthwise(nn.Module):
    def __init__(self, inputs, outputs, groups, stride=1, residual=False):
        super().__init__()
        self.residual = residual
        self.layers = nn.Sequential(
            MobileBlock(inputs, groups, 1),
            MobileBlock(groups, groups, 3, stride, groups),
            MobileBlock(groups, outputs, 1, linear=True),
        )

    def forward(self, x):
        y = self.layers(x)
        return x + y if self.residual else y


class MobileStack(nn.Module):
    def __init__(self, channels, blocks, groups):
        super().__init__()
        self.layers = nn.Sequential(
            *[MobileDepthwise(channels, channels, groups, residual=True) for _ in range(blocks)]
        )

    def forward(self, x):
        return self.layers(x)


class MobileHead(nn.Module):
    """The global depthwise convolution, a dense layer without bias, batch norm."""

    def __init__(self, channels, side):
        super().__init__()
        self.layers = nn.Sequential(
            MobileBlock(channels, channels, side, groups=channels, padding=0, linear=True),
            nn.Flatten(),
            nn.Linear(channels, EMBEDDING, bias=False),
            nn.BatchNorm1d(EMBEDDING),
        )

    def forward(self, x):
        return self.layers(x)


class MobileFaceNet(nn.Module):
    """insightface's mbf: scale 2, stacks of 4, 6 and 2 blocks."""

    def __init__(self, width, image_size):
        super().__init__()
        c, d, e = (wide(base, width) if width != 1 else base for base in (128, 256, 512))
        side = image_size
        for _ in range(4):
            side = (side + 1) // 2
        self.layers = nn.ModuleList([
            MobileBlock(3, c, 3, 2),
            MobileBlock(c, c, 3, groups=c // 2),
            MobileDepthwise(c, c, c, 2),
            MobileStack(c, 4, c),
            MobileDepthwise(c, d, d, 2),
            MobileStack(d, 6, d),
            MobileDepthwise(d, d, e, 2),
            MobileStack(d, 2, d),
        ])
        self.conv_sep = MobileBlock(d, e, 1)
        self.features = MobileHead(e, side)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return self.features(self.conv_sep(x))


class BasicConvolution(nn.Module):
    def __init__(self, inputs, outputs, kernel, stride=1, padding=0):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=0.001)

    def forward(self, x):
        return torch.relu(self.bn(self.conv(x)))


class InceptionBlock(nn.Module):
    """Branches of (outputs, kernel, padding), a 1x1 convolution with bias, scaled, added."""

    def __init__(self, channels, branches, scale, rectifies=True):
        super().__init__()
        self.scale, self.rectifies, self.count = scale, rectifies, len(branches)
        joined = 0
        for i, branch in enumerate(branches):
            steps, inputs = [], channels
            for outputs, kernel, padding in branch:
                steps.append(BasicConvolution(inputs, outputs, kernel, 1, padding))
                inputs = outputs
            joined += inputs
            self.add_module(f"branch{i}", steps[0] if len(steps) == 1 else nn.Sequential(*steps))
        self.conv2d = nn.Conv2d(joined, channels, 1)

    def forward(self, x):
        parts = [getattr(self, f"branch{i}")(x) for i in range(self.count)]
        y = self.scale * self.conv2d(torch.cat(parts, dim=1)) + x
        return torch.relu(y) if self.rectifies else y


class InceptionReduction(nn.Module):
    """Branches of (outputs, kernel, stride, padding) beside a max pool."""

    def __init__(self, channels, branches):
        super().__init__()
        self.count, self.outputs = len(branches), channels
        for i, branch in enumerate(branches):
            steps, inputs = [], channels
            for outputs, kernel, stride, padding in branch:
                steps.append(BasicConvolution(inputs, outputs, kernel, stride, padding))
                inputs = outputs
            self.outputs += inputs
            self.add_module(f"branch{i}", steps[0] if len(steps) == 1 else nn.Sequential(*steps))

    def forward(self, x):
        parts = [getattr(self, f"branch{i}")(x) for i in range(self.count)]
        return torch.cat([*parts, nn.functional.max_pool2d(x, 3, 2)], dim=1)


class InceptionResNet(nn.Module):
    """facenet-pytorch's inception_resnet_v1, without logits and without the last normalisation."""

    def __init__(self, width):
        super().__init__()
        w = {c: wide(c, width) if width != 1 else c
             for c in (32, 64, 80, 128, 192, 256, 384)}
        self.conv2d_1a = BasicConvolution(3, w[32], 3, 2)
        self.conv2d_2a = BasicConvolution(w[32], w[32], 3)
        self.conv2d_2b = BasicConvolution(w[32], w[64], 3, 1, 1)
        self.conv2d_3b = BasicConvolution(w[64], w[80], 1)
        self.conv2d_4a = BasicConvolution(w[80], w[192], 3)
        self.conv2d_4b = BasicConvolution(w[192], w[256], 3, 2)
        c = w[256]
        block35 = [[(w[32], 1, 0)], [(w[32], 1, 0), (w[32], 3, 1)],
                   [(w[32], 1, 0), (w[32], 3, 1), (w[32], 3, 1)]]
        self.repeat_1 = nn.Sequential(*[InceptionBlock(c, block35, 0.17) for _ in range(5)])
        self.mixed_6a = InceptionReduction(c, [
            [(w[384], 3, 2, 0)], [(w[192], 1, 1, 0), (w[192], 3, 1, 1), (w[256], 3, 2, 0)]])
        c = self.mixed_6a.outputs
        block17 = [[(w[128], 1, 0)],
                   [(w[128], 1, 0), (w[128], (1, 7), (0, 3)), (w[128], (7, 1), (3, 0))]]
        self.repeat_2 = nn.Sequential(*[InceptionBlock(c, block17, 0.10) for _ in range(10)])
        self.mixed_7a = InceptionReduction(c, [
            [(w[256], 1, 1, 0), (w[384], 3, 2, 0)], [(w[256], 1, 1, 0), (w[256], 3, 2, 0)],
            [(w[256], 1, 1, 0), (w[256], 3, 1, 1), (w[256], 3, 2, 0)]])
        c = self.mixed_7a.outputs
        block8 = [[(w[192], 1, 0)],
                  [(w[192], 1, 0), (w[192], (1, 3), (0, 1)), (w[192], (3, 1), (1, 0))]]
        self.repeat_3 = nn.Sequential(*[InceptionBlock(c, block8, 0.20) for _ in range(5)])
        self.block8 = InceptionBlock(c, block8, 1, rectifies=False)
        self.last_linear = nn.Linear(c, EMBEDDING, bias=False)
        self.last_bn = nn.BatchNorm1d(EMBEDDING, eps=0.001)

    def forward(self, x):
        x = self.conv2d_2b(self.conv2d_2a(self.conv2d_1a(x)))
        x = self.conv2d_3b(nn.functional.max_pool2d(x, 3, 2))
        x = self.repeat_1(self.conv2d_4b(self.conv2d_4a(x)))
        x = self.repeat_2(self.mixed_6a(x))
        x = self.block8(self.repeat_3(self.mixed_7a(x)))
        return self.last_bn(self.last_linear(x.mean(dim=(2, 3))))


def build(case):
    if case["model"] == "mobilefacenet":
        return MobileFaceNet(case["width"], case["imageSize"]).double()
    if case["model"] == "inception-resnet-v1":
        return InceptionResNet(case["width"]).double()
    if case["model"].startswith("nn"):
        return (NN1 if case["model"] == "nn1" else Inception)(case).double()
    family, depth = case["model"].rsplit("resnet", 1)
    network = {"i": FaceNetwork, "aix-": AIXNetwork, "": VisionNetwork}[family]
    return network(int(depth), case["width"], case["imageSize"]).double()


def fill(network):
    """Weights U(+-sqrt(3 / fan in)) and everything else near its usual first value."""
    norms = {n for n, m in network.named_modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)}
    slopes = {n for n, m in network.named_modules() if isinstance(m, nn.PReLU)}
    with torch.no_grad():
        for name, tensor in network.state_dict(keep_vars=True).items():
            owner, _, kind = name.rpartition(".")
            if kind == "num_batches_tracked" or name == "features.weight":
                continue
            numbers = formula(name, tensor.numel()).reshape(tensor.shape)
            if kind == "running_mean":
                numbers = 0.2 * numbers
            elif kind == "running_var":
                numbers = 1 + 0.5 * numbers
            elif owner in slopes:
                numbers = 0.25 + 0.2 * numbers
            elif kind == "bias":
                numbers = 0.3 * numbers
            elif owner in norms:
                # Quiet third convolutions: deep bottlenecks would amplify rounding too much.
                gain = 0.4 if owner.endswith((".bn3", ".model_main.4.model.1")) else 1
                numbers = gain * (1 + 0.3 * numbers)
            else:
                numbers = (3 * tensor.shape[0] / tensor.numel()) ** 0.5 * numbers
            tensor.copy_(numbers.float())


def run(case, dtype):
    network = build(case)
    fill(network)
    network.to(dtype)
    height, width = case["imageSize"], case.get("imageWidth", case["imageSize"])
    images = formula("images", ROWS * 3 * height * width).float().to(dtype)
    images = images.reshape(ROWS, 3, height, width)
    coefficients = formula("loss", ROWS * EMBEDDING).float().to(dtype).reshape(ROWS, EMBEDDING)
    with torch.no_grad():
        inference = network.eval()(images)
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.momentum = 1  # So that the running moments become those of the batch.
    training = network.train()(images)
    loss = (training * coefficients).sum()
    loss.backward()
    gradients = {n: p.grad for n, p in network.named_parameters() if p.requires_grad}
    moments = {
        n: (m.running_mean, m.running_var)
        for n, m in network.named_modules()
        if isinstance(m, nn.modules.batchnorm._BatchNorm)
    }
    return training.detach(), inference, loss.detach(), gradients, moments


def check_conditioning(case, exact, rough):
    """The float32 run must agree several times better than the tolerances of the Swift test."""

    def relative(a, b):
        return ((a - b.double()).norm() / a.norm()).item()

    outputs = max(relative(exact[i], rough[i]) for i in (0, 1))
    floor = 1e-2 * sorted(g.norm().item() for g in exact[3].values())[len(exact[3]) // 2]
    gradients = max(
        ((g - rough[3][n].double()).norm() / max(g.norm().item(), floor)).item()
        for n, g in exact[3].items()
    )
    moments = 0
    for n, (mean, variance) in exact[4].items():
        error = (mean - rough[4][n][0].double()).norm().item() / variance.sum().item() ** 0.5
        moments = max(moments, error, relative(variance, rough[4][n][1]))
    print(f"{case['model']:14} float32: outputs {outputs:.1e}, gradients {gradients:.1e}, "
          f"moments {moments:.1e}")
    if outputs > 2e-5 or gradients > 2e-4 or moments > 6e-6:
        raise SystemExit("badly conditioned; choose another case")


def short(values, digits=6):
    return [0 if abs(v) < 1e-12 else float(f"{v:.{digits}g}") for v in values]


def digest(tensor, name, elements, digits):
    """Norm, product with the formula of `name`, and the first elements."""
    flat = tensor.flatten()
    product = (flat * formula("digest " + name, flat.numel())).sum()
    return short([flat.norm().item(), product.item(), *flat[:elements].tolist()], digits)


def golden(case):
    exact = run(case, torch.float64)
    check_conditioning(case, exact, run(case, torch.float32))
    training, inference, loss, gradients, moments = exact
    return {
        **case,
        "rows": ROWS,
        "embedding": EMBEDDING,
        "training": short(training.flatten().tolist()),
        "inference": short(inference.flatten().tolist()),
        "loss": loss.item(),
        "gradients": {n: digest(g, n, 1, 5) for n, g in gradients.items()},
        "moments": {n: digest(m[0], n, 1, 6) + digest(m[1], n, 1, 6) for n, m in moments.items()},
    }


if __name__ == "__main__":
    root = pathlib.Path(__file__).resolve().parents[2]
    target = root / "Tests/NetworksTests/Golden/networks.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps([golden(c) for c in CASES], separators=(",", ":")) + "\n")
    print(target.relative_to(root), target.stat().st_size, "bytes")
