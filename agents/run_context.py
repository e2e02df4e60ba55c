"""What one turn carries through an agent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from typing import Any, Protocol, Self
from zoneinfo import ZoneInfo

from django.utils import timezone as django_timezone

from agents.actions import Ids, RandomIds
from agents.llm.meter import Meter
from agents.llm.own_keys import OwnProvider
from agents.time_zones import zone_named

UTC = ZoneInfo("UTC")


class ClientToolFailed(Exception):  # noqa: N818 - it says what happened
    """The client answered a read with an error, or not in time; ``message`` is told to the model."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ClientTools(Protocol):
    """Where a client answers read tools from its own decrypted data."""

    async def result(self, call_id: str) -> Any:
        """The JSON value the client sent for the ``ClientToolCall`` of that id; raises ``ClientToolFailed``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """One turn: when and where the user is, what the client sent, and how to reach it.

    ``now`` is aware and in ``timezone``. ``data`` is the ``context`` of the ChatRequest. ``deadline`` is a time of
    the running event loop (``loop.time()``) after which no answer is wanted: no retry is started that would pass it.
    ``meter`` counts every model call of the turn. ``provider`` is the user's own, and then ``model`` is not looked at.
    ``ids`` are for the actions.
    """

    now: datetime
    timezone: tzinfo = UTC
    data: Mapping[str, Any] = field(default_factory=dict)
    client_tools: ClientTools | None = None
    model: str | None = None
    provider: OwnProvider | None = None
    deadline: float | None = None
    meter: Meter = field(default_factory=Meter)
    ids: Ids = field(default_factory=RandomIds)

    @property
    def today(self) -> date:
        """The user's day."""
        return self.now.astimezone(self.timezone).date()

    @classmethod
    def of(
        cls,
        data: Mapping[str, Any] | None = None,
        *,
        client_tools: ClientTools | None = None,
        model: str | None = None,
        provider: OwnProvider | None = None,
        deadline: float | None = None,
        meter: Meter | None = None,
        ids: Ids | None = None,
        now: datetime | None = None,
    ) -> Self:
        """A context for ``data``, in the timezone its ``user_profile.timezone`` names, else UTC."""
        zone = timezone_of(data or {})
        return cls(
            now=(now or django_timezone.now()).astimezone(zone),
            timezone=zone,
            data=data or {},
            client_tools=client_tools,
            model=model,
            provider=provider,
            deadline=deadline,
            meter=meter or Meter(),
            ids=ids or RandomIds(),
        )


def timezone_of(data: Mapping[str, Any]) -> tzinfo:
    """The zone of ``data["user_profile"]["timezone"]``; UTC where there is none, or none that ``zone_named`` knows."""
    profile = data.get("user_profile")
    name = profile.get("timezone") if isinstance(profile, Mapping) else None
    return (zone_named(name) if isinstance(name, str) else None) or UTC
