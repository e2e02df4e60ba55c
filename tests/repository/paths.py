"""Where the repository's own files are."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
