"""What those who wait are told."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def timed(doing: str) -> Iterator[None]:
    """Say on standard error what is being done and, when it is over or has failed, how long it took."""
    print(f"{doing} ...", end="", file=sys.stderr, flush=True)
    start = time.monotonic()
    try:
        yield
    finally:
        print(f" {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
