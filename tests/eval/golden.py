"""The golden set: what users say, and what a good assistant does.

A case (``cases/<language>.yaml``) has ``say``, and ``do``: the actions it takes, ``{tool: {field: value}}``. ``id``
names the record, by its key in ``contexts.yaml``. A value is compared without regard to case and closing punctuation; a
list holds several right values, ``{holds: [words]}`` asks for words, ``{given: true}`` for anything but nothing.
``some`` instead of ``do`` asks for one or more actions of that pattern. Further keys: ``agents`` (those that own the
tools of ``do`` unless given), ``context`` ("office" unless given), ``history``, ``may`` (fields that may be there as
well), ``asks`` (the answer is a question).
"""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from agents.registry import registry

FOLDER = Path(__file__).parent
TIMEZONE = "Europe/Rome"
# A Wednesday.
NOW = datetime(2026, 11, 18, 10, 0, tzinfo=ZoneInfo(TIMEZONE))
_REFERENCES = ("id", "task_id", "project_id")
_NAMESPACE = uuid.UUID("6f1f3f0e-6f0c-4c55-9d5b-6e0f5a1f7a11")


@dataclass(frozen=True, slots=True)
class Expected:
    tool: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    language: str
    say: str
    context: str
    agents: tuple[str, ...]
    do: tuple[Expected, ...] = ()
    some: Expected | None = None
    may: frozenset[str] = frozenset()
    asks: bool = False
    history: tuple[Mapping[str, str], ...] = ()
    records: Mapping[str, Any] = field(default_factory=dict)

    @property
    def data(self) -> dict[str, Any]:
        """The ``context`` of the ChatRequest."""
        return {
            "user_profile": {"name": "Eva", "timezone": TIMEZONE},
            **self.records,
            "conversation_history": list(self.history),
        }


def record_id(key: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, key))


def cases() -> list[Case]:
    """Every case, in the order of the files."""
    owners = {tool: agent for agent, tools in tools_by_agent().items() for tool in tools}
    return [case for path in sorted(FOLDER.glob("cases/*.yaml")) for case in _cases(path, contexts(), owners)]


def contexts() -> dict[str, dict[str, Any]]:
    """What clients send, by the names in ``contexts.yaml``."""
    return {name: _records(content) for name, content in _read("contexts").items()}


def tools_by_agent() -> dict[str, list[str]]:
    return {
        agent.name: [tool.name for tool in agent(user_id=uuid.UUID(int=1)).get_tools()]
        for agent in registry.list_agents()
    }


def _cases(path: Path, known: Mapping[str, Any], owners: Mapping[str, str]) -> Iterator[Case]:
    for entry in _read(f"cases/{path.stem}"):
        do = tuple(_expectation(wanted) for wanted in entry.pop("do", ()))
        some = _expectation(entry.pop("some")) if "some" in entry else None
        tools = [expected.tool for expected in (*do, *([some] if some else []))]
        agents = entry.pop("agents", None) or dict.fromkeys(owners[tool] for tool in tools)
        context = entry.pop("context", "office")
        yield Case(
            language=path.stem,
            say=entry.pop("say"),
            context=context,
            agents=tuple(agents),
            do=do,
            some=some,
            may=frozenset(entry.pop("may", ())),
            asks=entry.pop("asks", False),
            history=tuple(entry.pop("history", ())),
            records=known[context],
            **entry,
        )


def _expectation(wanted: Mapping[str, Any]) -> Expected:
    [(tool, fields)] = wanted.items()
    return Expected(tool, _with_ids(fields))


def _records(content: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {section: [_with_ids({"id": key, **row}) for key, row in rows.items()] for section, rows in content.items()}


def _with_ids(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: record_id(value) if name in _REFERENCES and isinstance(value, str) else value
        for name, value in row.items()
    }


def _read(name: str) -> Any:
    return yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
