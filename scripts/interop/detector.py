"""YuNet on our kernels against onnxruntime: the network's outputs, and the faces that align finds.

    detector.py PROGRAM BENCH DETECTOR PHOTOS SCRATCH [--count N]

Takes N photos of the folder, evenly spaced, as they are; every fifth once more with its longer side at 640
pixels, which is looked at twice, and every tenth at 1000, which is made smaller first. The reference is onnxruntime, and
below it OpenCV's published decoding (modules/objdetect/src/face_detect.cpp) in NumPy, with boxes that
are not rounded before overlapping ones are left out. Says the worst differences; exits with 1 beyond
the bars: 1e-4 of an output, 0.1 pixel of a box or a point, a thousandth of a score.
"""

import argparse
import csv
import pathlib
import subprocess
import sys

import numpy
import onnxruntime
import safetensors.numpy
from PIL import Image, ImageOps

STRIDES = (8, 16, 32)
NAMES = [f"{name}_{stride}" for name in ("cls", "obj", "bbox", "kps") for stride in STRIDES]
GRID, LONGEST, LARGEST_FACE, LEAST, OVERLAP = 32, 640, 300, 0.6, 0.3
OUTPUT_BAR, PIXEL_BAR, SCORE_BAR = 1e-4, 0.1, 1e-3


def parse():
    parser = argparse.ArgumentParser()
    for name in ("program", "bench", "detector", "photos", "scratch"):
        parser.add_argument(name, type=pathlib.Path)
    parser.add_argument("--count", type=int, default=200)
    return parser.parse_args()


def gather(source, target, count):
    """Copies photos and writes the larger ones as PNG; their paths."""
    found = sorted(p for p in source.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
    if not found:
        sys.exit(f"compare-detector: no JPEG or PNG files below {source}")
    count = min(count, len(found))
    paths = []
    for number in range(count):
        path = found[number * len(found) // count]
        paths.append(target / f"{number:04}{path.suffix.lower()}")
        paths[-1].write_bytes(path.read_bytes())
        for every, side in ((5, LONGEST), (10, 1000)):
            if number % every:
                continue
            photo = Image.open(path).convert("RGB")
            factor = side / max(photo.size)
            size = [max(1, round(length * factor)) for length in photo.size]
            paths.append(target / f"{number:04}-{side}.png")
            photo.resize(size, Image.Resampling.BICUBIC).save(paths[-1])
    return count, paths


def padded(picture):
    """The network's image [height, width, 3]: blue first, black to the right and below."""
    pixels = numpy.asarray(picture)[:, :, ::-1]
    height, width = ((length + GRID - 1) // GRID * GRID for length in pixels.shape[:2])
    image = numpy.zeros((height, width, 3), numpy.float32)
    image[:pixels.shape[0], :pixels.shape[1]] = pixels
    return image


def looks(photo):
    """The pictures of a photo that are looked at, and how long their sides are of its."""
    first = min(1, LONGEST / max(photo.size))
    scales = [first, first / 2] if max(photo.size) * first > LARGEST_FACE else [first]
    for scale in scales:
        size = tuple(max(1, int(length * scale + 0.5)) for length in photo.size)
        picture = photo if size == photo.size else photo.resize(size, Image.Resampling.BILINEAR)
        yield picture, size[0] / photo.width, size[1] / photo.height


def decode(outputs, columns):
    """Rows [score, left, top, width, height, x1, y1, ... x5, y5] in pixels of the image."""
    rows = []
    for stride in STRIDES:
        part = {name: outputs[f"{name}_{stride}"].astype(float) for name in ("cls", "obj", "bbox", "kps")}
        score = numpy.sqrt(part["cls"][:, 0].clip(0, 1) * part["obj"][:, 0].clip(0, 1))
        cells = numpy.arange(len(score))
        corner = numpy.stack([cells % (columns // stride), cells // (columns // stride)], 1)
        middle = (part["bbox"][:, :2] + corner) * stride
        size = numpy.exp(part["bbox"][:, 2:]) * stride
        points = (part["kps"].reshape(-1, 5, 2) + corner[:, None]) * stride
        all_rows = numpy.concatenate(
            [score[:, None], middle - size / 2, size, points.reshape(-1, 10)], 1)
        rows.append(all_rows[score >= LEAST])
    return numpy.concatenate(rows)


def on_photo(rows, x, y):
    """The rows in pixels of the photo, whose pixels' centres are at whole numbers."""
    scale = numpy.array([x, y])
    rows = rows.copy()
    rows[:, 1:3] = (rows[:, 1:3] + 0.5) / scale - 0.5
    rows[:, 3:5] /= scale
    rows[:, 5:] = ((rows[:, 5:].reshape(-1, 5, 2) + 0.5) / scale - 0.5).reshape(-1, 10)
    return rows


def overlap(one, other):
    """The area that two boxes share over that which they cover together."""
    across, down = (
        min(one[1 + i] + one[3 + i], other[1 + i] + other[3 + i]) - max(one[1 + i], other[1 + i])
        for i in (0, 1))
    shared = max(across, 0) * max(down, 0)
    return shared / (one[3] * one[4] + other[3] * other[4] - shared)


def suppressed(rows):
    kept = []
    for row in rows[numpy.argsort(-rows[:, 0], kind="stable")]:
        if all(overlap(other, row) <= OVERLAP for other in kept):
            kept.append(row)
    return kept


def table(path):
    """The faces of each photo in the table that align writes, as `decode` has them."""
    faces = {}
    with open(path) as file:
        for line in csv.DictReader(file):
            if line["face"] == "0":
                continue
            names = ["score", "left", "top", "width", "height"]
            names += [f"{axis}{i}" for i in range(1, 6) for axis in "xy"]
            row = numpy.array([float(line[name]) for name in names])
            faces.setdefault(pathlib.Path(line["path"]).name, []).append(row)
    return faces


def main():
    options = parse()
    folder = options.scratch / "photos"
    folder.mkdir(parents=True)
    count, paths = gather(options.photos, folder, options.count)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(options.detector), settings)
    image_name = session.get_inputs()[0].name

    points = options.scratch / "points.csv"
    subprocess.run(
        [options.program, "align", folder, options.scratch / "aligned", "--detector", options.detector,
         "--faces", "all", "--points", points], check=True, stdout=subprocess.DEVNULL)
    ours = table(points)

    worst_pixel = worst_score = 0.0
    faces = strangers = at_least = 0
    batches = {}
    for path in paths:
        photo = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
        rows = []
        for picture, x, y in looks(photo):
            image = padded(picture)
            found = session.run(NAMES, {image_name: image.transpose(2, 0, 1)[None]})
            outputs = {name: value[0] for name, value in zip(NAMES, found)}
            batches.setdefault(image.shape, []).append((image, outputs))
            rows.append(on_photo(decode(outputs, image.shape[1]), x, y))
        left = list(ours.get(path.name, []))
        for face in suppressed(numpy.concatenate(rows)):
            distances = [numpy.abs(face[1:] - other[1:]).max() for other in left]
            nearest = int(numpy.argmin(distances)) if distances else None
            if nearest is None or distances[nearest] > 10:
                # Rounding may decide whether a face is there at all.
                at_least += face[0] < LEAST + SCORE_BAR
                strangers += face[0] >= LEAST + SCORE_BAR
                continue
            other = left.pop(nearest)
            faces += 1
            worst_pixel = max(worst_pixel, distances[nearest])
            worst_score = max(worst_score, abs(face[0] - other[0]))
        at_least += sum(other[0] < LEAST + SCORE_BAR for other in left)
        strangers += sum(other[0] >= LEAST + SCORE_BAR for other in left)

    worst_output = {}
    for number, batch in enumerate(batches.values()):
        images = options.scratch / f"images-{number}.npy"
        outputs = options.scratch / f"outputs-{number}.safetensors"
        numpy.save(images, numpy.stack([image for image, _ in batch]))
        subprocess.run(
            [options.bench, "detect", "--detector", options.detector, "--images", images, "--outputs",
             outputs], check=True)
        found = safetensors.numpy.load_file(outputs)
        for name in NAMES:
            expected = numpy.stack([expected[name] for _, expected in batch])
            difference = float(numpy.abs(found[name] - expected).max())
            worst_output[name] = max(worst_output.get(name, 0), difference)
        images.unlink()

    images = sum(map(len, batches.values()))
    print(f"{count} photos, {len(paths) - count} of them once more and larger: {images} images of the network")
    for name, difference in worst_output.items():
        print(f"output {name}: differs by {difference:.1e} at most")
    print(f"{faces} faces: boxes and points differ by {worst_pixel:.4f} pixels at most, scores by {worst_score:.5f}")
    print(f"faces of one side alone: {strangers}, and {at_least} within {SCORE_BAR} of the least score")
    good = max(worst_output.values()) <= OUTPUT_BAR and worst_pixel <= PIXEL_BAR
    good = good and worst_score <= SCORE_BAR and strangers == 0 and faces > 0
    print("equal within the bars" if good else "NOT equal within the bars")
    sys.exit(not good)


main()
