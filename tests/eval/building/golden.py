"""Sentences for the Batch Builder, and what a good one makes of them.

A case (``cases/<language>.yaml``) has ``say`` and what the batch must be like; what is not named is not looked at:

- ``when``: ``manual``, ``{changed: table}``, or ``{rrule, at}`` with ``from`` for its first day. A schedule is compared
  by its next times; ``at`` may be a list of right ones.
- ``table``; ``where``, a list of ``[field, op, value]``, all of which must be there and no other but those of ``may``.
  Where one is a list of such, each of them is right.
- ``do``: what the steps are, ``{map: [tools], agent: [tools]}``; reads beyond those named are the model's own matter.
  ``says`` are words that the instructions hold.
- ``approval`` ("destructive" unless given), ``limit``, ``name``.
- ``asks: true``: there is a question, and the batch need be no more than a draft. ``buildable: false``: a refusal.
- ``change``: the batch of ``specs.yaml`` that the sentence changes. What the case does not name must stay as it was.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from agents.batches.spec.batch_spec import BatchSpec
from tests.eval import golden
from tests.eval.golden import TIMEZONE, record_id

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Case:
    """``expected`` are the keys of the case but ``say`` and ``change``; ids stand for the keys of ``contexts.yaml``."""

    language: str
    say: str
    expected: Mapping[str, Any]
    before: BatchSpec | None = None
    context: Mapping[str, Any] = field(default_factory=dict)

    @property
    def data(self) -> dict[str, Any]:
        """The ``context`` of the request."""
        return {"user_profile": {"name": "Eva", "timezone": TIMEZONE}, **self.context}


def cases() -> list[Case]:
    """Every case, in the order of the files."""
    context = golden.contexts()["office"]
    specs = {
        name: BatchSpec.model_validate({**_with_ids(spec), "version": 1}) for name, spec in _read("specs.yaml").items()
    }
    return [case for path in sorted(FOLDER.glob("cases/*.yaml")) for case in _cases(path, specs, context)]


def _cases(path: Path, specs: Mapping[str, BatchSpec], context: Mapping[str, Any]) -> Iterator[Case]:
    for entry in _read(f"cases/{path.name}"):
        say, change = entry.pop("say"), entry.pop("change", None)
        yield Case(path.stem, say, _with_ids(entry), specs[change] if change else None, context)


def _with_ids(value: Any) -> Any:
    """ "project website" is the id of that project."""
    if isinstance(value, dict):
        return {name: _with_ids(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_with_ids(one) for one in value]
    if isinstance(value, str) and value.startswith("project "):
        return record_id(value.removeprefix("project "))
    return value


def _read(name: str) -> Any:
    return yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
