#!/usr/bin/env python
"""Django's command line: `manage.py help` lists what an operator can do."""

import gc
import os
import sys

from adiuva.server import collector


def main() -> None:
    collector.put_off()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "adiuva.settings")
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    finally:
        if jobs := sys.modules.get("adiuva.jobs.embedded"):
            jobs.finish()
        # What is left goes with the process: at its end Python would look through all of it, for 0.4 s.
        gc.freeze()


if __name__ == "__main__":
    main()
