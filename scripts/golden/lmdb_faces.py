"""Writes Tests/DatasetsTests/Fixtures/faces.lmdb: a training set as Vec2Face's programs write it, by liblmdb.

python3 -m venv venv && venv/bin/pip install lmdb msgpack numpy Pillow && venv/bin/python scripts/golden/lmdb_faces.py
The last run used lmdb 3.0.0 (liblmdb 0.9.36), msgpack 1.2.4 and Pillow 13.0.0.
"""

import io
import pathlib

import lmdb
import msgpack
import numpy
from PIL import Image

OUT = pathlib.Path(__file__).parents[2] / "Tests/DatasetsTests/Fixtures"


def photo(number):
    """A flat picture of one colour and size that the Swift tests know; every fourth is large noise."""
    stream = io.BytesIO()
    if number % 4 == 3:
        noise = numpy.random.default_rng(number).integers(0, 256, (48, 48, 3), dtype=numpy.uint8)
        Image.fromarray(noise).save(stream, "PNG")
    else:
        Image.new("RGB", (8 + number, 8), (10 * number, 100, 200)).save(stream, "JPEG", quality=100)
    return stream.getvalue()


def main():
    path = OUT / "faces.lmdb"
    path.unlink(missing_ok=True)
    database = lmdb.open(str(path), subdir=False, map_size=1 << 24, lock=False)
    count = 12
    with database.begin(write=True) as transaction:
        for number in range(count):
            value = msgpack.dumps((photo(number), number // 4 * 1000))
            transaction.put(str(number).encode("ascii"), value)
    with database.begin(write=True) as transaction:
        keys = [str(number).encode("ascii") for number in range(count)]
        transaction.put(b"__keys__", msgpack.dumps(keys))
        transaction.put(b"__len__", msgpack.dumps(count))
        transaction.put(b"__classnum__", msgpack.dumps(2001))
    database.sync()
    database.close()


main()
