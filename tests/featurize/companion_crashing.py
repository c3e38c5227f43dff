"""A companion whose decoder can be crashed or hung by a picture: files that hold one of the words do it.

CRASH-IT ends in a segmentation fault, HANG-IT holds the interpreter's lock forever, WAIT-FOREVER sleeps without it,
EAT-MEMORY asks for more than there is, LEAVE-IT exits, and an odd number of times is ONLY-ONCE: it crashes until
the file named after the word is there.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from pathlib import Path

from PIL import Image

from featurize.pictures import decoder_processes, decoding

_decode = decoding.decode


def _hang() -> None:
    re.match(r"(a+)+$", "a" * 64 + "b")  # exponential, and in C


def decode(data: bytes, draft: int | None = None) -> Image.Image:
    if b"CRASH-IT" in data:
        os.kill(os.getpid(), signal.SIGSEGV)
    if b"HANG-IT" in data:
        _hang()
    if b"WAIT-FOREVER" in data:
        time.sleep(1e6)
    if b"EAT-MEMORY" in data:
        bytearray(1 << 40)
    if b"LEAVE-IT" in data:
        os._exit(3)
    if b"ONLY-ONCE" in data:
        seen = Path(data.partition(b"ONLY-ONCE:")[2].decode())
        if not seen.exists():
            seen.touch()
            os.kill(os.getpid(), signal.SIGSEGV)
    return _decode(data, draft)


if __name__ == "__main__":
    decoding.decode = decode
    decoder_processes.main(sys.argv[1:])
