"""What other programs read of our packs and logs, and what we read of theirs.

    python3 scripts/interop/data.py PROGRAM SCRATCH

Needs numpy, opencv, pillow, tensorboard, webdataset, prometheus_client, safetensors.

Ends with 'N passed, N failed', as scripts/interop/check.py does.
"""

import csv
import io
import json
import pathlib
import pickle
import struct
import subprocess
import sys
import tarfile

import cv2
import numpy as np

program, scratch = sys.argv[1], pathlib.Path(sys.argv[2]) / "data"
passed = failed = 0


def check(name, holds, detail=""):
    global passed, failed
    passed, failed = passed + bool(holds), failed + (not holds)
    print(f"{'ok' if holds else 'FAILED'}: {name} {'' if holds else detail}")


def run(*arguments):
    done = subprocess.run(
        [program, *map(str, arguments)], capture_output=True, text=True, timeout=900)
    return done.returncode, done.stdout + done.stderr


def records(path):
    """The payloads of a RecordIO file by offset, after dmlc-core's recordio.h."""
    data, offset, found = path.read_bytes(), 0, {}
    parts, start = [], 0
    while offset < len(data):
        magic, word = struct.unpack_from("<II", data, offset)
        assert magic == 0xCED7230A, offset
        kind, length = word >> 29, word & (1 << 29) - 1
        if kind in (0, 1):
            parts, start = [], offset
        parts.append(data[offset + 8:offset + 8 + length])
        if kind in (0, 3):
            found[start] = struct.pack("<I", magic).join(parts)
        offset += 8 + (length + 3 & ~3)
    return found


def unpack(payload):
    """mxnet.recordio.unpack."""
    flag, label, number, _ = struct.unpack_from("<IfQQ", payload)
    labels = np.frombuffer(payload, np.float32, flag, 24) if flag else label
    return flag, labels, number, payload[24 + 4 * flag:]


faces = scratch / "faces"
run("synthesize", faces, "--people", 6, "--photos", 8, "--size", 64)
photos = sorted(faces.glob("*/*.jpg"), key=lambda path: str(path.relative_to(faces)))
people = sorted({path.parent.name for path in photos})

# RecordIO as insightface's MXFaceDataset goes through it.
code, said = run("pack", faces, "--to", "rec", "--out", scratch / "rec")
check("pack --to rec", code == 0, said)
found = records(scratch / "rec/train.rec")
index = dict(map(int, line.split("\t")) for line in open(scratch / "rec/train.idx"))
flag, bounds, _, rest = unpack(found[index[0]])
check("record 0 announces the images", flag == 2 and rest == b"" and int(bounds[0]) == 49)
same = True
for key in range(1, int(bounds[0])):
    flag, label, number, image = unpack(found[index[key]])
    same &= flag == 0 and number == key and image == photos[key - 1].read_bytes()
    same &= people[int(label)] == photos[key - 1].parent.name
    same &= cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR) is not None
check("every image and label", same)
same = True
for person, key in enumerate(range(int(bounds[0]), int(bounds[1]))):
    _, span, _, _ = unpack(found[index[key]])
    same &= all(
        int(unpack(found[index[i]])[1]) == person for i in range(int(span[0]), int(span[1])))
check("every person's range", same and int(bounds[1] - bounds[0]) == len(people))

# WebDataset.
import webdataset

code, said = run("pack", faces, "--to", "tar", "--out", scratch / "faces.tar")
check("pack --to tar", code == 0, said)
samples = list(
    webdataset.WebDataset(str(scratch / "faces.tar"), shardshuffle=False).decode())
raw = list(webdataset.WebDataset(str(scratch / "faces.tar"), shardshuffle=False))
check("webdataset reads every image", [s["jpg"] for s in raw] == [p.read_bytes() for p in photos])
check("and every label", [s["cls"] for s in samples] == [people.index(p.parent.name) for p in photos])
with webdataset.TarWriter(str(scratch / "theirs.tar")) as sink:
    for number, path in enumerate(photos):
        sink.write({"__key__": f"{number:06d}", "jpg": path.read_bytes(),
                    "cls": people.index(path.parent.name)})
with tarfile.open(scratch / "gnu.tar", "w", format=tarfile.GNU_FORMAT) as tar:
    for path in photos:
        for ending, data in [(".jpg", path.read_bytes()),
                             (".json", json.dumps({"label": path.parent.name}).encode())]:
            member = tarfile.TarInfo("long/" * 30 + path.parent.name + "-" + path.stem + ending)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))

# A pack as insightface's face2rec2.py and mxnet.recordio write it: images of two labels, record 0 and
# the people behind them, a payload with the magic word in it in parts.
def pack_img(labels, number, image=b""):
    labels = np.atleast_1d(np.asarray(labels, np.float32))
    if len(labels) == 1 and image:
        return struct.pack("<IfQQ", 0, labels[0], number, 0) + image
    return struct.pack("<IfQQ", len(labels), 0, number, 0) + labels.tobytes() + image


(scratch / "theirs-rec").mkdir()
with open(scratch / "theirs-rec/train.rec", "wb") as pack, open(
        scratch / "theirs-rec/train.idx", "w") as index_file:
    def write_idx(key, payload):
        index_file.write(f"{key}\t{pack.tell()}\n")
        magic = struct.pack("<I", 0xCED7230A)
        cuts = [i for i in range(0, len(payload) - 3, 4) if payload[i:i + 4] == magic]
        pieces = [payload[a:b] for a, b in zip([0] + [c + 4 for c in cuts], cuts + [len(payload)])]
        for number, piece in enumerate(pieces):
            kind = 0 if not cuts else 1 if number == 0 else 3 if number == len(cuts) else 2
            pack.write(magic + struct.pack("<I", kind << 29 | len(piece)))
            pack.write(piece + bytes(-len(piece) % 4))

    spans = []
    for number, path in enumerate(photos, 1):
        person, image = people.index(path.parent.name), path.read_bytes()
        if number == 7:  # Behind the end of image, where decoders do not look.
            image += bytes(-len(image) % 4) + struct.pack("<I", 0xCED7230A) * 2
        write_idx(number, pack_img([person, 0] if number % 2 else person, number, image))
        if person == len(spans):
            spans.append([number, number])
        spans[person][1] = number + 1
    for person, span in enumerate(spans):
        write_idx(len(photos) + 1 + person, pack_img(span, len(photos) + 1 + person))
    write_idx(0, pack_img([len(photos) + 1, len(photos) + 1 + len(people)], 0))
(scratch / "theirs-rec/property").write_text(f"{len(people)},64,64\n")
code, said = run("check", scratch / "theirs-rec")
check("check of their pack", code == 0 and f"{len(photos)} photos of {len(people)} people" in said, said)

# The same weights from every format, theirs too.
small = ["--image-size", 32, "--width", 0.25, "--steps", 4, "--batch", 16, "--evaluate-every", 0,
         "--split", "all", "--quiet", "--threads", 1]
hashes = {}
for name in ["faces", "rec", "faces.tar", "theirs.tar", "theirs-rec", "gnu.tar"]:
    out = scratch / f"run-{name}"
    code, said = run("train", "--data", scratch / name, *small, "--out", out)
    lines = [json.loads(line) for line in open(out / "metrics.jsonl")] if code == 0 else []
    hashes[name] = lines[-1]["weights_hash"] if lines else said
check("the same weights from every format", len(set(hashes.values())) == 1, hashes)

# A verification set as Python writes it, beside a list; and the logs of that run.
pairs = [(8 * p + i, 8 * p + i + 1, True) for p in range(6) for i in range(0, 8, 2)]
pairs += [(8 * p + i, 8 * ((p + 1) % 6) + i, False) for p in range(6) for i in range(4)]
bins = []
for protocol in [2, 4, 5]:
    images = [photos[i].read_bytes() for a, b, _ in pairs for i in (a, b)]
    if protocol == 5:
        images = [np.frombuffer(image, np.uint8).reshape(-1, 1) for image in images]
    bins.append(scratch / f"set{protocol}.bin")
    bins[-1].write_bytes(pickle.dumps((images, [s for _, _, s in pairs]), protocol=protocol))
out = scratch / "run-logs"
code, said = run(
    "train", "--data", faces, *small[:8], "--evaluate-every", 2, "--split", "all", "--quiet",
    *[word for path in bins for word in ("--pairs", path)], "--tensorboard", "--csv",
    "--prometheus", scratch / "run.prom", "--out", out)
check("training with three sets and all logs", code == 0, said)
evaluation = [json.loads(l) for l in open(out / "metrics.jsonl") if "evaluation" in l][-1]
sets = evaluation["evaluation"]["sets"]
check("three sets, one result", len(sets) == 3 and len({s["AUC-exact"] for s in sets.values()}) == 1)

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

board = EventAccumulator(str(out / "tensorboard"), size_guidance={"scalars": 0, "images": 0})
board.Reload()
losses = [json.loads(l)["loss"] for l in open(out / "metrics.jsonl") if '"loss"' in l]
read = [event.value for event in board.Scalars("train/loss")]
check("TensorBoard reads the loss", np.allclose(read, losses, rtol=1e-6) and len(read) == 4, read)
tags = board.Tags()
import safetensors.numpy

program_weights = scratch / "weights.safetensors"
run("export", out, "--to", "safetensors", "--out", program_weights)
same = True
for name, values in safetensors.numpy.load_file(program_weights).items():
    if f"parameters/{name}" in tags["histograms"]:
        last = board.Histograms(f"parameters/{name}")[-1].histogram_value
        same &= last.num == values.size and sum(last.bucket) == values.size
        same &= np.allclose([last.min, last.max], [values.min(), values.max()], rtol=1e-6)
        same &= np.isclose(last.sum, values.sum(dtype=float), rtol=1e-4, atol=1e-4)
counted = sum(t.startswith("parameters/") for t in tags["histograms"])
check("and histograms of every parameter, with its numbers", same and counted > 20, counted)
histogram = board.Histograms("evaluation-set2/distance-same")[-1].histogram_value
check("and of distances", histogram.num == sum(s for _, _, s in pairs), histogram)
image = board.Images("samples/0")[0]
pixels = cv2.imdecode(np.frombuffer(image.encoded_image_string, np.uint8), cv2.IMREAD_COLOR)
check("and samples", pixels.shape == (32, 32, 3) and (image.width, image.height) == (32, 32))
from google.protobuf import text_format
from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

config = text_format.Parse((out / "tensorboard/projector_config.pbtxt").read_text(), ProjectorConfig())
points = np.loadtxt(out / "tensorboard" / config.embeddings[0].tensor_path, delimiter="\t")
labels = list(csv.reader(open(out / "tensorboard" / config.embeddings[0].metadata_path), delimiter="\t"))
check("and the projector's embeddings", len(labels) == len(points) + 1 > 10 and points.ndim == 2
      and labels[0] == ["person", "photo"] and all(len(row) == 2 for row in labels), labels[:2])

# The tables and Prometheus's file say what the JSON lines say.
steps = [json.loads(l) for l in open(out / "metrics.jsonl") if '"loss"' in l]
table = list(csv.DictReader(open(out / "metrics.csv")))
check("metrics.csv", [(int(r["step"]), float(r["loss"]), r["weights_hash"]) for r in table]
      == [(s["step"], s["loss"], s["weights_hash"]) for s in steps], table[:1])
table = [r for r in csv.DictReader(open(out / "evaluations.csv")) if r["figure"] == "AUC-exact"]
check("evaluations.csv", {r["set"]: float(r["value"]) for r in table if r["step"] == "4"}
      == {name: s["AUC-exact"] for name, s in sets.items()}, table[-3:])
from prometheus_client.parser import text_string_to_metric_families

families = {f.name: f for f in text_string_to_metric_families((scratch / "run.prom").read_text())}
samples = {name: family.samples[0].value for name, family in families.items()}
check("Prometheus's parser reads the last step", samples["ddp_train_step"] == 4
      and samples["ddp_train_loss"] == steps[-1]["loss"]
      and all(f.type == "gauge" and f.documentation for f in families.values()), samples)
told = {s.labels["set"]: s.value for s in families["ddp_train_evaluation"].samples
        if s.labels["figure"] == "AUC-exact" and s.labels["run"] == "run-logs"}
check("and every set", told == {name: s["AUC-exact"] for name, s in sets.items()}, told)
resume = run("train", "--config", out / "config.yaml", "--steps", 6, "--out", out, "--resume", "auto")
board.Reload()
steps = [event.step for event in board.Scalars("train/loss")]
check("each step once after a resume", steps == [1, 2, 3, 4, 5, 6], (steps, resume))

# Alignment as insightface's norm_crop: least-squares similarity, OpenCV's warp.
turned = scratch / "turned"
run("synthesize", turned, "--people", 6, "--photos", 8, "--size", 180)
dice = np.random.default_rng(7)
center = np.array([90, 90])
mean = np.array([[-22, -12], [22, -12], [0, 8], [-18, 28], [18, 28]])
lines = []
for path in sorted(turned.glob("*/*.jpg")):
    angle, scale = dice.uniform(-0.5, 0.5), dice.uniform(0.7, 1.6)
    matrix = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = mean @ matrix.T + center + dice.uniform(-12, 12, 2) + dice.normal(0, 1.5, (5, 2))
    lines.append(f"{path.relative_to(turned)} " + " ".join(f"{x:.3f}" for x in points.ravel()))
(scratch / "points.txt").write_text("\n".join(lines) + "\n")
code, said = run("align", turned, scratch / "aligned", "--landmarks", scratch / "points.txt")
done = subprocess.run(
    [sys.executable, pathlib.Path(__file__).resolve().parents[1] / "golden/align.py", turned,
     scratch / "points.txt", scratch / "aligned"], capture_output=True, text=True)
check("align equals norm_crop within a grey level in the mean of every photo",
      code == 0 and done.returncode == 0 and done.stdout.startswith("48 photos"),
      said + done.stdout + done.stderr)
print("; ".join(done.stdout.strip().splitlines()[1:]))

# A verification set as insightface's load_bin reads it.
code, said = run("pairs", faces, "--folds", 10, "--count", 60, "--out", scratch / "own.txt")
check("pairs", code == 0, said)
code, said = run("pack", faces, "--to", "bin", "--pairs", scratch / "own.txt", "--out", scratch / "own.bin")
check("pack --to bin", code == 0, said)
with open(scratch / "own.bin", "rb") as file:
    bins, issame = pickle.load(file, encoding="bytes")
listed = [line.split("\t") for line in open(scratch / "own.txt").read().splitlines()[1:]]
check("load_bin gives the photos and answers of the pairs",
      bins == [(faces / name).read_bytes() for line in listed for name in line[:2]]
      and issame == [line[2] == "1" for line in listed] and len(listed) > 0, said)

# IJB and TinyFace from photos, against NumPy on what `embed` makes of them.
code, said = run("train", "--data", turned, "--image-size", 112, "--width", 0.125, "--batch", 16,
                 "--microbatch", 4, "--steps", 4, "--split", "all", "--evaluate-every", 0,
                 "--out", scratch / "small")
check("a network for the protocols", code == 0, said)
sets = pathlib.Path(__file__).resolve().parents[1] / "golden/protocol_sets.py"
for words in (["make", turned, scratch / "sets"], ["check", program, scratch / "small", scratch / "sets"]):
    done = subprocess.run([sys.executable, sets, *map(str, words)], capture_output=True, text=True)
    check(f"protocols {words[0]}: {(done.stdout.strip().splitlines() or [''])[-1]}",
          done.returncode == 0, done.stdout + done.stderr)

print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
