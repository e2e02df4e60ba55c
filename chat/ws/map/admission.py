"""What a map frame must say, and what the user's tier allows: at the start, and again while it runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from rest_framework import serializers

from accounts import authentication
from accounts.authentication import Identity
from accounts.models import User
from adiuva.api.errors import RateLimited, ValidationFailed
from adiuva.api.fields import IdField, TextField
from agents.batches.mapping.items import ChosenTools, choose_tools
from agents.batches.mapping.limits import limits_of
from agents.time_zones import zone_named
from billing import entitlements
from billing.rate_limit import limiter
from chat.agent_routing import require_agents
from chat.requests import (
    MAX_MESSAGE_CHARACTERS,
    ModelChoice,
    ModelChoiceSerializer,
    read_model_choice,
    require_own_keys,
)

_MAX_TOOLS = 50
_LONGEST_NAME = 64


class CountField(serializers.IntegerField):
    """A JSON number without a fraction: DRF would take ``"5"`` for one, too."""

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:  # True is an int as well
            self.fail("invalid")
        value: int = super().to_internal_value(data)
        return value


class MapRequestSerializer(ModelChoiceSerializer):
    """A map frame. Null means absent in every optional field; unknown fields are ignored."""

    run_id = IdField()
    instruction = TextField(min_length=1, max_length=MAX_MESSAGE_CHARACTERS, trim_whitespace=False)
    tools = serializers.ListField(child=TextField(), min_length=1, max_length=_MAX_TOOLS)
    total = CountField(min_value=1)
    timezone = TextField(required=False, allow_null=True)

    def validate_instruction(self, value: str) -> str:
        if not value.strip():
            raise serializers.ValidationError("This may not be blank.", code="blank")
        return value

    def validate_tools(self, names: list[str]) -> ChosenTools:
        try:
            return choose_tools(names)
        except KeyError as unknown:
            raise serializers.ValidationError(f"There is no tool named {unknown.args[0][:_LONGEST_NAME]}.") from None

    def validate_timezone(self, name: str | None) -> str | None:
        if name is not None and zone_named(name) is None:
            raise serializers.ValidationError(
                "This must be an IANA time zone (Europe/Berlin) or an offset from UTC (+02:00)."
            )
        return name


@dataclass(frozen=True, slots=True)
class MapRequest:
    """A validated map frame; ``named`` is what it says of the model, which ``choice`` is made of."""

    run_id: UUID
    instruction: str
    tools: ChosenTools
    total: int
    timezone: str | None
    choice: ModelChoice
    named: Mapping[str, Any] = field(repr=False)  # with the user's key


def admit_map(*, identity: Identity, body: Mapping[str, Any]) -> tuple[Identity, MapRequest]:
    """The identity as it is now and the validated request; the whole run counts as one. Sync, for a thread.

    Raises what ``chat.ws.turn.admit_turn`` raises.
    """
    identity = authentication.reload(identity)
    user = identity.user
    decision = limiter.hit(user.id, entitlements.tier_of(user))
    if decision.retry_after is not None:
        raise RateLimited(retry_after=decision.retry_after)
    require_own_keys(body, user=user)
    serializer = MapRequestSerializer(data=body)
    serializer.is_valid(raise_exception=True)
    data = serializer.validated_data
    request = MapRequest(
        run_id=data["run_id"],
        instruction=data["instruction"],
        tools=data["tools"],
        total=data["total"],
        timezone=data.get("timezone"),
        choice=read_model_choice(data, user=user),
        named={name: data.get(name) for name in ("model", "provider")},
    )
    _require(user, request)
    return identity, request


def review(*, identity: Identity, request: MapRequest) -> Identity:
    """The identity as it is now, in the middle of a run. Sync, one query.

    Raises ``InvalidToken`` where it is over, and where another tier does not include the run what that would be
    refused with at its start.
    """
    now = authentication.reload(identity)
    if entitlements.tier_of(now.user) != entitlements.tier_of(identity.user):
        _require(now.user, request)
        read_model_choice(request.named, user=now.user)
    return now


def _require(user: User, request: MapRequest) -> None:
    """Raises ``FeatureNotAvailable`` and ``ValidationFailed``."""
    require_agents(user, request.tools.agents, detail="The current tier does not include the agent of such a tool.")
    bound = limits_of(user).items
    if request.total > bound:
        raise ValidationFailed({"total": [f"The current tier includes runs of at most {bound} items."]})
