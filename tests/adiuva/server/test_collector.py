"""``adiuva.server.collector`` in a process of its own, since what it sets aside stays so."""

import subprocess
import sys

SCRIPT = """
import gc, sys
from adiuva.server import collector

collector.watch()
gc.collect()
before = gc.get_freeze_count()
import django.db.models
assert len(sys.modules) > collector.MODULES
loaded = len(gc.get_objects())
gc.collect()
late = gc.get_freeze_count()
assert late - before > loaded / 2, (before, late, loaded)
assert len(gc.get_objects()) < loaded / 2

kept = [[] for _ in range(1000)]
gc.collect()
assert gc.get_freeze_count() <= late, "what no module brought was set aside"

class Cycle:
    def __init__(self):
        self.itself = self

import weakref
gone = weakref.ref(Cycle())
assert collector.freeze() > late
assert gone() is None, "garbage was kept"
assert gc.isenabled()
"""


def test_what_is_loaded_is_set_aside_whenever_it_comes_and_nothing_else_is() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
