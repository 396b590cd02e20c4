"""Writes Tests/DatasetsTests/Fixtures: small JPEG files and what Pillow makes of them.

python3 -m venv venv && venv/bin/pip install numpy Pillow && venv/bin/python scripts/golden/images.py
The last run used Pillow 13.0.0 and numpy 2.4.6.
"""

import io
import pathlib

import numpy
from PIL import Image, ImageOps

OUT = pathlib.Path(__file__).parents[2] / "Tests/DatasetsTests/Fixtures"


def picture(width, height):
    """A smooth coloured picture with an edge, so that every orientation looks different."""
    y, x = numpy.mgrid[0:height, 0:width].astype(float)
    red = 255 * x / max(width - 1, 1)
    green = 255 * y / max(height - 1, 1)
    blue = numpy.where(x * height > y * width, 200, 40)
    return Image.fromarray(numpy.stack([red, green, blue], -1).astype(numpy.uint8))


def pattern(width, height):
    """The pattern that the Swift tests compute by the same formula."""
    y, x, c = numpy.mgrid[0:height, 0:width, 0:3]
    return Image.fromarray(((x * 7 + y * 13 + c * 29 + x * y) % 256).astype(numpy.uint8))


def jpeg(image, **options):
    stream = io.BytesIO()
    image.save(stream, "JPEG", **options)
    return stream.getvalue()


def decode(data, reduction=1):
    image = Image.open(io.BytesIO(data))
    if reduction > 1:
        image.draft("RGB", (image.width // reduction, image.height // reduction))
    return ImageOps.exif_transpose(image).convert("RGB")


def keep(name, data, reduction=1, file=None):
    """Stores a file and its pixels (two 16-bit sizes, then RGB)."""
    image = decode(data, reduction)
    head = image.width.to_bytes(2, "little") + image.height.to_bytes(2, "little")
    if file is None:
        (OUT / f"{name}.jpg").write_bytes(data)
    (OUT / f"{name}.rgb").write_bytes(head + image.tobytes())


def fnv(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return f"{value:016x}"


def write_files():
    source = picture(37, 29)
    keep("color", jpeg(source, quality=90))
    keep("color444", jpeg(source, quality=75, subsampling=0))
    keep("grey", jpeg(source.convert("L"), quality=90))
    keep("progressive", jpeg(source, quality=85, progressive=True))
    keep("restarts", jpeg(source, quality=85, restart_marker_blocks=2))
    cmyk = jpeg(source.convert("CMYK"), quality=90)
    keep("cmyk", cmyk)
    adobe = cmyk.index(b"Adobe")
    ycck = bytearray(cmyk)
    ycck[adobe + 11] = 2
    keep("ycck", bytes(ycck))
    large = jpeg(picture(67, 51), quality=90)
    (OUT / "reduced.jpg").write_bytes(large)
    for reduction in (2, 4, 8):
        keep(f"reduced{reduction}", large, reduction, file="reduced.jpg")
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        keep(f"exif{orientation}", jpeg(picture(20, 12), quality=90, subsampling=0, exif=exif))


def resize(image, width, height):
    """Pillow's resize with the horizontal pass first; where only the height shrinks, newer versions
    begin with the vertical one, and a rounding differs."""
    return image.resize((width, image.height), Image.BILINEAR).resize(
        (width, height), Image.BILINEAR)


def framed(width, height, shorter, crop, size):
    """torchvision's Resize(shorter) and CenterCrop(crop), then a resize to size; as hash."""
    image = pattern(width, height)
    if shorter is None and crop is None:
        return resize(image, size, size)
    if shorter is not None:
        short, long = min(width, height), max(width, height)
        other = int(shorter * long / short)
        sides = (shorter, other) if width <= height else (other, shorter)
        image = resize(image, *sides)
    crop = crop or min(image.size)
    left = int(round((image.width - crop) / 2.0))
    top = int(round((image.height - crop) / 2.0))
    if crop == size:
        return image.crop((left, top, left + crop, top + crop))
    # One resampling of the original, through Pillow's fractional box.
    unit_x, unit_y = width / image.width, height / image.height
    box = (left * unit_x, top * unit_y, (left + crop) * unit_x, (top + crop) * unit_y)
    return pattern(width, height).resize((size, size), Image.BILINEAR, box=box)


def write_framings():
    cases = [
        (250, 250, 255, 112, 112), (250, 250, None, None, 112), (250, 250, None, 160, 64),
        (250, 250, 128, 112, 112), (61, 47, 40, 33, 33), (47, 61, 40, 33, 33),
        (61, 47, None, None, 24), (13, 11, None, None, 24), (5, 200, None, None, 16),
        (300, 200, 64, None, 64), (100, 80, 40, 36, 30), (640, 480, 120, 112, 112),
        (1, 1, None, None, 7), (33, 33, 33, 32, 32), (90, 121, 77, 60, 60),
    ]
    lines = []
    for width, height, resize, crop, size in cases:
        result = framed(width, height, resize, crop, size)
        lines.append(f"{width} {height} {resize or 0} {crop or 0} {size} {fnv(result.tobytes())}")
    (OUT / "framings.txt").write_text("\n".join(lines) + "\n")


OUT.mkdir(parents=True, exist_ok=True)
write_files()
write_framings()
