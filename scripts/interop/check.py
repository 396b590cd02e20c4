"""What scripts/test-interop runs: PyTorch, safetensors, onnx, onnxruntime and NumPy read what the
program writes and write what it reads.

  check.py PROGRAM FOLDER [--full] [REGEX]     only the checks whose names match

Networks are those of scripts/golden/networks.py, which have the names of the published definitions;
with --full each at its published width and size, and a table of the worst differences.
Ends with 'N passed, N failed'.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import time
import traceback
import warnings

import numpy
import onnx
import onnxruntime
import safetensors.torch
import torch
from PIL import Image

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "golden"))
import networks  # noqa: E402

PROGRAM, FOLDER = sys.argv[1], pathlib.Path(sys.argv[2])
FULL = "--full" in sys.argv[3:]
ONLY = re.compile(next((word for word in sys.argv[3:] if word != "--full"), ""))
TOLERANCE = 1e-4

# Every model of the program: width, height and breadth of the images, embedding.
MODELS = {
    "aix-resnet18": (1, 112, 112, 512), "aix-resnet34": (0.5, 64, 64, 512),
    "aix-resnet50": (0.25, 64, 64, 512), "resnet18": (0.5, 64, 64, 512),
    "resnet34": (0.25, 64, 64, 512), "resnet50": (0.25, 64, 64, 512),
    "iresnet10": (0.5, 48, 48, 512), "iresnet18": (0.5, 112, 112, 512),
    "iresnet34": (0.25, 64, 64, 512), "iresnet50": (0.25, 112, 112, 512),
    "iresnet100": (0.25, 48, 48, 512), "mobilefacenet": (1, 112, 112, 512),
    "inception-resnet-v1": (1, 160, 160, 512), "nn1": (0.125, 220, 220, 128),
    "nn2": (0.5, 224, 224, 128), "nn3": (0.5, 160, 160, 128), "nn4": (1, 96, 96, 128),
    "nns1": (0.25, 165, 165, 128), "nns2": (1, 140, 116, 128),
}
PUBLISHED = {
    "inception-resnet-v1": (160, 160), "nn1": (220, 220), "nn2": (224, 224), "nn3": (160, 160),
    "nn4": (96, 96), "nns1": (165, 165), "nns2": (140, 116),
}
if FULL:
    MODELS = {
        model: (1, *PUBLISHED.get(model, (112, 112)), case[3]) for model, case in MODELS.items()
    }
SMALL = ("iresnet10", 0.25, 32, 32, 64)
worst = {}
counts = {"passed": 0, "failed": 0}


def check(name):
    """Runs the decorated function at once and counts what becomes of it."""

    def run(body):
        if not ONLY.search(name):
            return
        start = time.time()
        try:
            body()
            counts["passed"] += 1
            print(f"passed  {name}  {time.time() - start:.1f} s", flush=True)
        except Exception:
            counts["failed"] += 1
            print(f"FAILED  {name}\n{traceback.format_exc()}", flush=True)

    return run


def call(*arguments):
    """Runs the program; returns its exit code and all that it said."""
    done = subprocess.run(
        [PROGRAM, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
    )
    return done.returncode, done.stdout


def program(*arguments):
    code, said = call(*arguments)
    assert code == 0, f"{arguments}: {said}"
    return said


def refused(reason, *arguments):
    code, said = call(*arguments)
    assert code not in (0, -11, -4) and code > 0, f"{arguments}: exit code {code}: {said}"
    assert reason in said.strip().splitlines()[-1], f"not in one last line: {said!r}"


def network(model, width, height, breadth, embedding):
    networks.EMBEDDING = embedding
    case = {"model": model, "width": width, "imageSize": height}
    if breadth != height:
        case["imageWidth"] = breadth
    result = networks.build(case)
    networks.fill(result)
    return result.float().eval()


def photos(height, breadth, count=4):
    """A folder of photos of that very size, so that nothing is resampled, and their pixels."""
    folder = FOLDER / f"photos-{height}x{breadth}"
    if not folder.exists():
        generator = numpy.random.default_rng(height * 1000 + breadth)
        for i in range(count):
            coarse = generator.integers(0, 256, (9, 7, 3), dtype=numpy.uint8)
            image = Image.fromarray(coarse).resize((breadth, height), Image.BICUBIC)
            target = folder / f"person{i // 2}" / f"{i % 2}.jpg"
            target.parent.mkdir(parents=True, exist_ok=True)
            image.save(target, quality=95)
    names = sorted(str(p.relative_to(folder)) for p in folder.rglob("*.jpg"))
    pixels = numpy.stack([numpy.asarray(Image.open(folder / n).convert("RGB")) for n in names])
    return folder, names, torch.from_numpy(pixels).permute(0, 3, 1, 2).float()


def unit(rows):
    rows = numpy.asarray(rows, dtype=numpy.float64)
    return rows / numpy.linalg.norm(rows, axis=1, keepdims=True)


def equal(ours, theirs, tolerance=TOLERANCE):
    error = numpy.abs(unit(ours) - unit(theirs)).max()
    assert error <= tolerance, f"embeddings differ by {error}"
    return error


def embed(checkpoint, folder, names):
    out = FOLDER / "embeddings.npz"
    program("embed", checkpoint, "--data", folder, "--out", out, "--no-flip-test", "--quiet")
    stored = numpy.load(out, allow_pickle=False)
    assert list(stored["names"]) == names, stored["names"]
    return stored["embeddings"]


def bring(file, model, width, height, breadth, *options):
    out = FOLDER / "imported.safetensors"
    program(
        "import", file, "--model", model, "--width", width, "--image-size",
        f"{height}x{breadth}", "--out", out, *options,
    )
    return out


HALF = ("--normalize", "half", "--channels", "rgb")


def half(pixels):
    return pixels / 127.5 - 1


def run_onnx(file, images):
    model = onnx.load(file)
    onnx.checker.check_model(model, full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    whole = session.run(["embeddings"], {"images": images.numpy()})[0]
    # The batch is dynamic.
    first = session.run(["embeddings"], {"images": images[:1].numpy()})[0]
    assert numpy.abs(unit(whole[:1]) - unit(first)).max() < 1e-5
    return whole


def same_tensors(found, expected):
    assert set(found) == set(expected), set(found) ^ set(expected)
    for name, tensor in expected.items():
        value = torch.as_tensor(numpy.asarray(found[name]))
        assert value.shape == tensor.shape, (name, value.shape)
        assert value.dtype == tensor.dtype, (name, value.dtype)
        assert torch.equal(value, tensor), name


def check_model(model, width, height, breadth, embedding):
    theirs = network(model, width, height, breadth, embedding)
    folder, names, pixels = photos(height, breadth)
    with torch.no_grad():
        expected = theirs(half(pixels)).numpy()
    state = theirs.state_dict()
    file = FOLDER / "weights.pt"
    torch.save(state, file)
    checkpoint = bring(file, model, width, height, breadth, *HALF)
    imported = equal(embed(checkpoint, folder, names), expected)

    out = FOLDER / "weights.safetensors"
    program("export", checkpoint, "--to", "safetensors", "--out", out)
    loaded = safetensors.torch.load_file(out)
    same_tensors(loaded, state)
    fresh = network(model, width, height, breadth, embedding)
    for tensor in fresh.state_dict().values():
        tensor.zero_()
    fresh.load_state_dict(loaded, strict=True)
    # Not to the bit: PyTorch picks its kernels by where the tensors happen to lie in memory.
    with torch.no_grad():
        equal(fresh(half(pixels)).numpy(), expected)

    out = FOLDER / "weights.onnx"
    program("export", checkpoint, "--to", "onnx", "--out", out)
    graph = equal(run_onnx(out, half(pixels)), expected)
    program(
        "export", checkpoint, "--to", "onnx", "--normalize-inside", "--fold-batch-norm", "--out", out)
    folded = equal(run_onnx(out, pixels), expected)
    parameters = sum(tensor.numel() for tensor in theirs.parameters())
    worst[model] = (f"{parameters / 1e6:.1f} M", f"{height}x{breadth}", imported, graph, folded)


for name, case in MODELS.items():
    @check(f"{name} both ways, and as ONNX")
    def _(name=name, case=case):
        check_model(name, *case)


# Graphs of torch.onnx, whose exporter puts batch norms into the convolutions before them.

for name in ("iresnet10", "iresnet50", "mobilefacenet", "resnet50", "aix-resnet18", "inception-resnet-v1"):
    @check(f"{name} out of a graph of torch.onnx")
    def _(name=name):
        _, height, breadth, embedding = MODELS[name]
        width = 0.25
        theirs = network(name, width, height, breadth, embedding)
        folder, names, pixels = photos(height, breadth)
        file = FOLDER / "theirs.onnx"
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = theirs(half(pixels)).numpy()
            torch.onnx.export(
                theirs, (half(pixels),), file, dynamo=False, input_names=["data"],
                dynamic_axes={"data": {0: "N"}})
        folded = sum(node.op_type == "BatchNormalization" for node in onnx.load(file).graph.node)
        whole = sum(isinstance(m, torch.nn.modules.batchnorm._BatchNorm) for m in theirs.modules())
        assert folded < whole, (folded, whole)
        out = FOLDER / "imported.safetensors"
        said = program("import", file, "--model", name, "--width", width, "--out", out, *HALF)
        assert f"{whole - folded} batch norms in the products before them" in said, said
        equal(embed(out, folder, names), expected)
        other = "resnet18" if name.startswith("iresnet") else "iresnet18"
        refused("check --model", "import", file, "--model", other, "--out", out, *HALF)
        # And what goes out is the same network again, with nothing folded.
        program("export", out, "--to", "onnx", "--out", file)
        again = FOLDER / "again.safetensors"
        program("import", file, "--out", again)
        first, second = (safetensors.torch.load_file(f) for f in (out, again))
        assert all(torch.equal(first[n], second[n]) for n in first)


@check("no model of the program is left out")
def _():
    code, said = call("train", "--model", "no such model", "--dry-run")
    names = re.search(r"valid: ([^)]*)\)", said)
    assert code != 0 and names, said
    assert set(names[1].split(", ")) == set(MODELS), names[1]


# Ways in.

def small():
    model = network(*SMALL)
    folder, names, pixels = photos(*SMALL[2:4])
    with torch.no_grad():
        return model, folder, names, pixels, model(half(pixels)).numpy()


def comes_in(make, *options, tolerance=TOLERANCE, suffix=".pth"):
    model, folder, names, _, expected = small()
    file = FOLDER / f"small{suffix}"
    make(model, file)
    checkpoint = bring(file, *SMALL[:4], *HALF, *options)
    equal(embed(checkpoint, folder, names), expected, tolerance)


class Canary:
    """Whoever executes the pickle of it leaves a file behind."""

    def __reduce__(self):
        return os.system, (f"touch {FOLDER / 'canary'}",)


@check("a checkpoint with optimizer, scheduler and arguments, out of DataParallel")
def _():
    def make(model, file):
        wrapped = torch.nn.DataParallel(model)
        optimizer = torch.optim.SGD(wrapped.parameters(), lr=0.1, momentum=0.9)
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, 5)
        torch.save({
            "epoch": 3, "best": 0.5, "state_dict": wrapped.state_dict(),
            "optimizer": optimizer.state_dict(), "schedule": schedule.state_dict(),
            "args": argparse.Namespace(lr=0.1, name="x"), "log": numpy.float64(2),
        }, file)

    comes_in(make)


@check("nothing in a pickle is executed")
def _():
    comes_in(lambda model, file: torch.save(
        {"evil": Canary(), "state_dict": model.state_dict()}, file))
    assert not (FOLDER / "canary").exists()


@check("the format before torch 1.6")
def _():
    comes_in(lambda model, file: torch.save(
        model.state_dict(), file, _use_new_zipfile_serialization=False))


@check("float16")
def _():
    comes_in(lambda model, file: torch.save(
        {n: t.half() if t.is_floating_point() else t for n, t in model.state_dict().items()},
        file), tolerance=2e-2)


@check("bfloat16 is read exactly")
def _():
    model, folder, names, pixels, _ = small()
    with torch.no_grad():
        for tensor in model.state_dict().values():
            if tensor.is_floating_point():
                tensor.copy_(tensor.bfloat16().float())
        expected = model(half(pixels)).numpy()
    file = FOLDER / "small.pth"
    torch.save({n: t.bfloat16() if t.is_floating_point() else t
                for n, t in model.state_dict().items()}, file)
    equal(embed(bring(file, *SMALL[:4], *HALF), folder, names), expected)


@check("float64 parameters, not tensors")
def _():
    comes_in(lambda model, file: torch.save(
        {"model": {n: torch.nn.Parameter(t.double(), requires_grad=False)
                   if t.is_floating_point() else t
                   for n, t in model.state_dict().items()}}, file))


@check("views, strides and channels last")
def _():
    def make(model, file):
        state = model.to(memory_format=torch.channels_last).state_dict()
        whole = torch.cat([torch.zeros(3), state["bn1.weight"]])
        state["bn1.weight"] = whole[3:]
        state["fc.weight"] = state["fc.weight"].t().contiguous().t()
        torch.save(state, file)

    comes_in(make)


@check("safetensors of torch, under a prefix")
def _():
    comes_in(lambda model, file: safetensors.torch.save_file(
        {"backbone." + n: t for n, t in model.state_dict().items()}, file),
        suffix=".safetensors")


@check("a BGR network is turned round, and back")
def _():
    model, folder, names, pixels, _ = small()
    with torch.no_grad():
        expected = model(half(pixels.flip(1))).numpy()
    file = FOLDER / "small.pth"
    torch.save(model.state_dict(), file)
    checkpoint = bring(file, *SMALL[:4], "--normalize", "half", "--channels", "bgr")
    equal(embed(checkpoint, folder, names), expected)
    out = FOLDER / "bgr.safetensors"
    program("export", checkpoint, "--to", "safetensors", "--channels", "bgr", "--out", out)
    same_tensors(safetensors.torch.load_file(out), model.state_dict())
    onnx_file = FOLDER / "bgr.onnx"
    program("export", checkpoint, "--to", "onnx", "--channels", "bgr", "--normalize-inside",
            "--out", onnx_file)
    equal(run_onnx(onnx_file, pixels.flip(1)), expected)


for normalize, function in {
    "unit": lambda x: x / 255,
    "facenet": lambda x: (x - 127.5) / 128,
    "imagenet": lambda x: (x / 255 - torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1))
    / torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1),
    "standardize": lambda x: (x - x.mean((1, 2, 3), keepdim=True)) / torch.clamp(
        x.std((1, 2, 3), correction=0, keepdim=True), min=x[0].numel() ** -0.5),
}.items():
    @check(f"normalisation {normalize}, outside and inside the graph")
    def _(normalize=normalize, function=function):
        model, folder, names, pixels, _ = small()
        with torch.no_grad():
            expected = model(function(pixels)).numpy()
        file, out = FOLDER / "small.pth", FOLDER / "small.onnx"
        torch.save(model.state_dict(), file)
        checkpoint = bring(
            file, *SMALL[:4], "--normalize", normalize, "--channels", "rgb")
        equal(embed(checkpoint, folder, names), expected)
        program("export", checkpoint, "--to", "onnx", "--normalize-inside", "--out", out)
        equal(run_onnx(out, pixels), expected)


# What a file says of itself.

@check("weights keep what their network wants to be fed; contradictions are errors")
def _():
    model, *_ = small()
    file, out = FOLDER / "small.pth", FOLDER / "again.safetensors"
    torch.save(model.state_dict(), file)
    options = ("--model", SMALL[0], "--width", SMALL[1], "--image-size", SMALL[2], "--out", out)
    refused("does not say what its network was trained on", "import", file, *options)
    refused("--channels", "import", file, *options, "--normalize", "half")
    checkpoint = bring(file, *SMALL[:4], *HALF)
    for form in ("safetensors", "npz"):
        told = FOLDER / f"told.{form}"
        program("export", checkpoint, "--to", form, "--out", told)
        program("import", told, "--out", out)
        assert out.read_bytes()[-4096:] == checkpoint.read_bytes()[-4096:]
        refused("has normalize half", "import", told, "--normalize", "unit", "--out", out)
        refused("has channels rgb", "import", told, "--channels", "bgr", "--out", out)
        refused("has model iresnet10", "import", told, "--model", "resnet18", "--out", out)
    refused("use it as it is", "import", checkpoint, "--out", out)


@check("other networks and whole modules are refused in a line")
def _():
    model, *_ = small()
    file, out = FOLDER / "small.pth", FOLDER / "again.safetensors"
    torch.save(model.state_dict(), file)
    common = ("--image-size", SMALL[2], "--out", out, *HALF)
    refused("check --model", "import", file, "--model", "resnet18", *common)
    refused("the network wants", "import", file, "--model", SMALL[0], *common)
    torch.save(model, file)
    refused("save model.state_dict()", "import", file, "--model", SMALL[0], *common)
    torch.save({"a": 1, "b": [torch.ones(2)]}, file)
    refused("has no 'conv1.weight'", "import", file, "--model", SMALL[0], *common)
    torch.save({"a": 1}, file)
    refused("no state dict", "import", file, "--model", SMALL[0], *common)
    state = model.state_dict()
    state["features.weight"] += 1
    torch.save(state, file)
    refused("is not 1 everywhere", "import", file, "--model", SMALL[0], "--width", SMALL[1], *common)
    file.write_bytes(file.read_bytes()[:-1000])
    refused("zip directory is missing", "import", file, "--model", SMALL[0], *common)


# Arrays and embeddings.

@check("npz as numpy.savez writes it, both ways")
def _():
    model, folder, names, _, expected = small()
    state = {n: t.numpy() for n, t in model.state_dict().items()}
    file, out = FOLDER / "small.npz", FOLDER / "back.npz"
    numpy.savez(file, **state)
    checkpoint = bring(file, *SMALL[:4], *HALF)
    equal(embed(checkpoint, folder, names), expected)
    program("export", checkpoint, "--to", "npz", "--out", out)
    back = dict(numpy.load(out, allow_pickle=False))
    assert any("normalize=half" in line for line in back.pop("__metadata__"))
    same_tensors(back, model.state_dict())
    numpy.savez_compressed(file, **state)
    equal(embed(bring(file, *SMALL[:4], *HALF), folder, names), expected)


@check("embeddings as npy, npz and csv, whole, in halves and in bytes, are evaluated alike")
def _():
    model, folder, names, _, _ = small()
    file = FOLDER / "small.pth"
    torch.save(model.state_dict(), file)
    checkpoint = bring(file, *SMALL[:4], *HALF)
    pairs = FOLDER / "pairs.txt"
    pairs.write_text("1\t1\nperson0\t1\t2\nperson0\t1\tperson1\t1\n")
    (FOLDER / "named").mkdir(exist_ok=True)
    for i, name in enumerate(names):
        person = f"person{i // 2}"
        target = FOLDER / "named" / person / f"{person}_{i % 2 + 1:04}.jpg"
        target.parent.mkdir(exist_ok=True)
        target.write_bytes((folder / name).read_bytes())
    figures, arrays = [], []
    for form in ("npy", "npz", "csv"):
        for kind, word in ((numpy.float32, []), (numpy.float16, ["--fp16"]), (numpy.int8, ["--int8"])):
            out = FOLDER / f"faces{numpy.dtype(kind).name}.{form}"
            program("embed", checkpoint, "--data", FOLDER / "named", "--out", out, *word)
            options = ["--names", out.with_suffix(".txt")] if form == "npy" else []
            figures.append(program(
                "evaluate", "--embeddings", out, *options, "--pairs", pairs, "--quiet"))
            if form == "csv":
                rows = numpy.loadtxt(out, delimiter=",", skiprows=1, usecols=range(1, 65))
                labels = [line.split(",")[0] for line in out.read_text().splitlines()[1:]]
            else:
                loaded = numpy.load(out, allow_pickle=False)
                rows = loaded if form == "npy" else loaded["embeddings"]
                labels = (out.with_suffix(".txt").read_text().split() if form == "npy"
                          else list(loaded["names"]))
                assert rows.dtype == kind
            arrays.append(numpy.asarray(rows, dtype=numpy.float32))
            assert len(labels) == 4 and labels[0] == "person0/person0_0001.jpg", labels
    for i in range(3):
        assert all(f == figures[i] for f in figures[i::3]), figures[i::3]
        assert all(numpy.array_equal(a, arrays[i]) for a in arrays[i::3])
    assert numpy.array_equal(arrays[1], arrays[0].astype(numpy.float16).astype(numpy.float32))
    equal(arrays[1], arrays[0], 0.02)


@check("fine-tuning begins with the imported weights")
def _():
    model, folder, names, _, expected = small()
    file = FOLDER / "small.pth"
    torch.save(model.state_dict(), file)
    checkpoint = bring(file, *SMALL[:4], *HALF)
    run = FOLDER / "run"
    common = (
        "train", "--model", SMALL[0], "--width", SMALL[1], "--image-size", SMALL[2], "--data",
        "synthetic:people=4,photos=4,size=32", "--split", "all", "--batch", 4, "--microbatch", 4,
        "--steps", 1, "--evaluate-every", 0, "--init", checkpoint)
    program(*common, "--lr", 1e-30, "--embedding", 64, "--momentum", 0, "--weight-decay", 0,
            "--warmup-epochs", 0, "--out", run)
    program("export", run, "--to", "safetensors", "--out", FOLDER / "tuned.safetensors")
    tuned = safetensors.torch.load_file(FOLDER / "tuned.safetensors")
    for name, tensor in model.named_parameters():
        assert torch.equal(tuned[name], tensor), name
    assert tuned["bn1.num_batches_tracked"] == 1
    refused("normalize was half, is unit", *common, "--embedding", 64, "--normalize", "unit",
            "--out", FOLDER / "other")
    refused("embedding was 64, is 32", *common, "--embedding", 32, "--out", FOLDER / "other")


if FULL:
    print("\n| model | parameters | image | imported | ONNX | ONNX, folded, normalising inside |")
    print("|---|---|---|---|---|---|")
    for model, (parameters, size, *errors) in worst.items():
        print(f"| {model} | {parameters} | {size} | " + " | ".join(f"{e:.1e}" for e in errors) + " |")
print(f"{counts['passed']} passed, {counts['failed']} failed")
sys.exit(counts["failed"] > 0)
