"""`python -m tests.support.inspected_server`: the server, which on SIGUSR1 says in its log what it holds.

As ``tests.support.server.InspectedServer`` reads it: JSON after ``MARK``, a line each time.
"""

import gc
import json
import os
import signal
import sys
from types import FrameType

MARK = "inspected "


def _tell(_number: int, _frame: FrameType | None) -> None:
    registry = sys.modules.get("tiktoken.registry")
    held = {"frozen": gc.get_freeze_count(), "encodings": sorted(registry.ENCODINGS) if registry else []}
    os.write(sys.stderr.fileno(), f"{MARK}{json.dumps(held)}\n".encode())


def main() -> None:
    signal.signal(signal.SIGUSR1, _tell)
    from adiuva.server import serve

    serve.main()


if __name__ == "__main__":
    main()
