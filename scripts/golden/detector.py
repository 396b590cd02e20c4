"""Writes Tests/Golden/{graph,detector,types}.onnx and detection.json: graphs as PyTorch exports detectors, and what they compute.

python3 -m venv venv && venv/bin/pip install numpy onnx onnxruntime && venv/bin/python scripts/golden/detector.py
The last run used numpy 2.4.6, onnx 1.23.2 and onnxruntime 1.32.0.

graph.onnx has the operators, shapes and outputs of YuNet, with few channels and weights that are drawn; the values in
detection.json are those of the NumPy functions below, in double precision, which onnxruntime is compared with.
detector.onnx finds bright squares: a cell of 32 pixels whose mean is above half of white is a face of the template's shape
around it. types.onnx has a tensor of every element type, stored as raw bytes and as fields.
"""

import json
import pathlib

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

OUT = pathlib.Path(__file__).parents[2] / "Tests/Golden"
STRIDES = (8, 16, 32)
HEADS = (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10))
TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]])


class Graph:
    """Nodes and weights as they are added, and the same computed in NumPy, one image at a time."""

    def __init__(self, image):
        self.nodes, self.tensors, self.values = [], [], {"input": image.astype(np.float64)}

    def tensor(self, name, array, kind=None, raw=True):
        array = np.asarray(array)
        kind = kind or helper.np_dtype_to_tensor_dtype(array.dtype)
        data = array.tobytes() if raw else array.flatten().tolist()
        self.tensors.append(helper.make_tensor(name, kind, array.shape, data, raw=raw))
        return name

    def node(self, operation, inputs, output, value, **attributes):
        self.nodes.append(helper.make_node(operation, inputs, [output], name=f"{operation}_{len(self.nodes)}", **attributes))
        self.values[output] = value
        return output

    def conv(self, x, output, weights, bias, stride=1, groups=1, padding=None, raw=True):
        padding = weights.shape[2] // 2 if padding is None else padding
        self.tensor(output + ".weight", weights.astype(np.float32), raw=raw)
        self.tensor(output + ".bias", bias.astype(np.float32), raw=raw)
        return self.node(
            "Conv", [x, output + ".weight", output + ".bias"], output,
            conv(self.values[x], weights, bias, stride, groups, padding), dilations=[1, 1], group=groups,
            kernel_shape=list(weights.shape[2:]), pads=[padding] * 4, strides=[stride, stride])

    def relu(self, x):
        return self.node("Relu", [x], x + ".relu", np.maximum(self.values[x], 0))

    def pool(self, x):
        a = self.values[x]
        h, w = a.shape[1] // 2, a.shape[2] // 2
        value = a[:, :2 * h, :2 * w].reshape(a.shape[0], h, 2, w, 2).max((2, 4))
        return self.node("MaxPool", [x], x + ".pool", value, ceil_mode=0, kernel_shape=[2, 2], pads=[0] * 4, strides=[2, 2])

    def enlarge(self, x, places, rounding):
        scales = self.tensor(x + ".scales", np.array([1, 1, 2, 2], np.float32))
        roi = self.tensor(x + ".roi", np.zeros(0, np.float32))
        return self.node(
            "Resize", [x, roi, scales], x + ".large", self.values[x].repeat(2, 1).repeat(2, 2),
            coordinate_transformation_mode=places, mode="nearest", nearest_mode=rounding)

    def add(self, x, y):
        return self.node("Add", [x, y], x + ".sum", self.values[x] + self.values[y])

    def head(self, x, name, width, is_dynamic):
        """[1, C, H, W] to [1, H W, C], as torch.onnx writes permute and view."""
        a = self.values[x].transpose(1, 2, 0)
        last = self.node("Transpose", [x], x + ".last", a, perm=[0, 2, 3, 1])
        if is_dynamic:
            self.node("Shape", [x], x + ".shape", None)
            zero = self.tensor(x + ".zero", np.array(0, np.int64))
            self.node("Gather", [x + ".shape", zero], x + ".batch", None, axis=0)
            self.node("Unsqueeze", [x + ".batch"], x + ".row", None, axes=[0])
            rest = [self.tensor(f"{x}.{side}", np.array([side], np.int64)) for side in (-1, width)]
            target = self.node("Concat", [x + ".row"] + rest, x + ".target", None, axis=0)
        else:
            target = self.tensor(x + ".target", np.array([1, -1, width], np.int64))
        is_score = name[:3] in ("cls", "obj")
        flat = self.node("Reshape", [last, target], x + ".flat" if is_score else name, a.reshape(-1, width))
        if is_score:
            self.node("Sigmoid", [flat], name, 1 / (1 + np.exp(-self.values[flat])))

    def model(self):
        names = [f"{name}_{stride}" for name, _ in HEADS for stride in STRIDES]
        widths = {name: width for name, width in HEADS}
        any_size = helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 3, "height", "width"])
        outputs = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", "dim", widths[name.split("_")[0]]])
            for name in names]
        graph = helper.make_graph(self.nodes, "small", [any_size], outputs, self.tensors)
        model = helper.make_model(
            graph, producer_name="golden", ir_version=6, opset_imports=[helper.make_opsetid("", 11)])
        onnx.checker.check_model(model)
        return model, names


def conv(x, weights, bias, stride, groups, padding):
    """The convolution of x [C, H, W] with weights [K, C / groups, R, S]."""
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding)))
    count, width, rows, columns = weights.shape
    height = (x.shape[1] - rows) // stride + 1
    across = (x.shape[2] - columns) // stride + 1
    output = np.zeros((count, height, across))
    for k in range(count):
        first = k // (count // groups) * width
        for r in range(rows):
            for s in range(columns):
                part = x[first:first + width, r:r + stride * height:stride, s:s + stride * across:stride]
                output[k] += np.tensordot(weights[k, :, r, s].astype(np.float32).astype(float), part, 1)
    return output + bias.astype(np.float32)[:, None, None]


def image(height, width):
    """What the Swift tests make too: bytes [3, height, width], blue first."""
    c, y, x = np.ogrid[:3, :height, :width]
    return (x * 7 + y * 13 + c * 50 + x * y % 29 * 5) % 256


def small(height, width):
    random = np.random.default_rng(1)
    graph = Graph(image(height, width))

    def unit(x, output, channels, count, relu=True, raw=True):
        one = random.normal(0, (2 / channels) ** 0.5, (count, channels, 1, 1))
        point = graph.conv(x, output + ".point", one, random.normal(0, 0.1, count), raw=raw)
        each = random.normal(0, 0.5, (count, 1, 3, 3))
        deep = graph.conv(point, output, each, random.normal(0, 0.1, count), groups=count, raw=raw)
        return graph.relu(deep) if relu else deep

    stem = random.normal(0, 0.0007, (8, 3, 3, 3))
    x = graph.relu(graph.conv("input", "stem", stem, random.normal(0, 0.1, 8), stride=2))
    x = graph.pool(unit(x, "m0", 8, 8, raw=False))
    c8 = unit(graph.pool(unit(x, "m1", 8, 16)), "m2", 16, 16)
    c16 = unit(graph.pool(c8), "m3", 16, 16)
    c32 = unit(graph.pool(c16), "m4", 16, 16)
    p32 = unit(c32, "n32", 16, 16)
    p16 = unit(graph.add(c16, graph.enlarge(p32, "asymmetric", "floor")), "n16", 16, 16)
    p8 = unit(graph.add(c8, graph.enlarge(p16, "half_pixel", "round_prefer_floor")), "n8", 16, 16)
    for name, width in HEADS:
        for stride, x in zip(STRIDES, (p8, p16, p32)):
            y = unit(x, f"{name}.{stride}", 16, width, relu=False)
            graph.head(y, f"{name}_{stride}", width, is_dynamic=name != "obj")
    return graph


def squares():
    """Finds squares brighter than half of white, a cell of 32 pixels at a time."""
    graph = Graph(image(32, 32))
    x = graph.conv("input", "mean8", np.full((1, 3, 8, 8), 1 / (3 * 64 * 255)), np.zeros(1), stride=8, padding=0)
    maps = {8: x}
    for stride in (16, 32):
        x = graph.conv(x, f"mean{stride}", np.full((1, 1, 2, 2), 0.25), np.zeros(1), stride=2, padding=0)
        maps[stride] = x
    # The template's shape, 64 pixels of 112, around the middle of the cell.
    points = ((TEMPLATE - 56) * 64 / 112 / 32 + 0.5).flatten()
    for stride in STRIDES:
        is_last = stride == 32
        for name, width in HEADS:
            weights, bias = np.zeros((width, 1, 1, 1)), np.zeros(width)
            if name in ("cls", "obj"):
                weights[:], bias[:] = (40, -20) if is_last else (0, -20)
            elif name == "bbox":
                bias[:2], weights[2:] = 0.5, 1
            else:
                bias[:] = points
            y = graph.conv(maps[stride], f"{name}.{stride}", weights, bias)
            graph.head(y, f"{name}_{stride}", width, is_dynamic=True)
    return graph


def types():
    """A tensor of every type, raw and in fields, below the graph of one node."""
    numbers = np.array([[0, 1, 2], [100, 5, 127]])
    floats = np.array([[0, -1.5, 0.333251953125], [65504, 6e-8, 2.0 ** -14]])
    tensors, expected = [], {}
    for kind in (1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13):
        values = floats if kind in (1, 10, 11) else numbers % 2 if kind == 9 else numbers
        array = values.astype(helper.tensor_dtype_to_np_dtype(kind))
        if kind in (3, 5, 6, 7):
            array[0, 1] = -7
        for raw in (True, False):
            name = f"{TensorProto.DataType.Name(kind)}-{'raw' if raw else 'fields'}"
            data = array.tobytes() if raw else array.flatten().tolist()
            tensors.append(helper.make_tensor(name, kind, array.shape, data, raw=raw))
            expected[name] = numpy_helper.to_array(tensors[-1]).astype(np.float32).astype(float).flatten().tolist()
    node = helper.make_node(
        "Conv", ["x", "FLOAT-raw"], ["y"], name="first", alpha=0.25, text="hello", pads=[1, -2, 3],
        scales=[0.5, 2.0], count=-3, value=tensors[0])
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 3, None, 5]) for name in "xy"]
    graph = helper.make_graph([node], "types", ports[:1], ports[1:], tensors)
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("com.other", 3)])
    helper.set_model_props(model, {"license": "none"})
    return model, expected


def main():
    height, width = 64, 96
    graph = small(height, width)
    model, names = graph.model()
    onnx.save(model, OUT / "graph.onnx")
    session = onnxruntime.InferenceSession(model.SerializeToString())
    found = session.run(names, {"input": image(height, width)[None].astype(np.float32)})
    for name, value in zip(names, found):
        difference = np.abs(value[0] - graph.values[name]).max()
        print(f"{name}: {value.shape}, onnxruntime differs by {difference:.2e}")
        assert difference < 1e-4
    onnx.save(squares().model()[0], OUT / "detector.onnx")
    model, expected = types()
    onnx.save(model, OUT / "types.onnx")
    values = {
        "height": height, "width": width, "types": expected,
        "outputs": {name: [round(float(v), 7) for v in graph.values[name].flatten()] for name in names}}
    (OUT / "detection.json").write_text(json.dumps(values, separators=(",", ":")) + "\n")


main()
