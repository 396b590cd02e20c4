#!/usr/bin/env python3
"""Writes Tests/DatasetsTests/Fixtures/mxnet.rec and .idx by MXNet's own library: three records, the
second with dmlc's magic word in its data, so that it stands in two parts.

    pip download --no-deps mxnet==1.9.1 && unzip mxnet-1.9.1-*.whl 'mxnet/lib*'
    LD_LIBRARY_PATH=mxnet python3 scripts/golden/recordio.py mxnet/libmxnet.so [PACK.rec]

With PACK.rec, MXNet reads that too and says what is in it."""
import ctypes
import pathlib
import struct
import sys

mxnet = ctypes.CDLL(sys.argv[1])
mxnet.MXGetLastError.restype = ctypes.c_char_p
fixtures = pathlib.Path(__file__).parents[2] / "Tests/DatasetsTests/Fixtures"


def call(name, *arguments):
    if getattr(mxnet, name)(*arguments):
        sys.exit(f"{name}: {mxnet.MXGetLastError().decode()[:400]}")


def read(path):
    reader, found = ctypes.c_void_p(), []
    call("MXRecordIOReaderCreate", str(path).encode(), ctypes.byref(reader))
    while True:
        data, count = ctypes.c_void_p(), ctypes.c_size_t()
        call("MXRecordIOReaderReadRecord", reader, ctypes.byref(data), ctypes.byref(count))
        if not data.value:
            return found
        found.append(ctypes.string_at(data.value, count.value))


payloads = [(3, b"one!?"), (5, b"abcd" + struct.pack("<I", 0xCED7230A) + b"efg"), (3, b"three")]
writer = ctypes.c_void_p()
call("MXRecordIOWriterCreate", str(fixtures / "mxnet.rec").encode(), ctypes.byref(writer))
with open(fixtures / "mxnet.idx", "w") as index:
    for key, (label, data) in enumerate(payloads):
        place = ctypes.c_size_t()
        call("MXRecordIOWriterTell", writer, ctypes.byref(place))
        index.write(f"{key}\t{place.value}\n")
        record = struct.pack("<IfQQ", 0, label, key, 0) + data
        call("MXRecordIOWriterWriteRecord", writer, ctypes.c_char_p(record), ctypes.c_size_t(len(record)))
call("MXRecordIOWriterFree", writer)
assert [r[24:] for r in read(fixtures / "mxnet.rec")] == [data for _, data in payloads]
for path in sys.argv[2:]:
    records = read(path)
    print(f"{path}: {len(records)} records, of {sum(map(len, records))} bytes")
