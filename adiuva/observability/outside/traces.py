"""OpenTelemetry: spans, sent in batches to a collector over OTLP/HTTP by a thread of its own.

A collector that is away, slow or full costs spans, never a request: the queue is bounded. Names and attributes follow
the semantic conventions where they have a word for it (``http.route``, ``db.operation.name``, ``gen_ai.*``).
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Status, StatusCode, Tracer

from adiuva.observability import spans

PATH: Final = "/v1/traces"  # OTLP/HTTP, "Endpoint URLs"
_VERB = re.compile(r"\s*([A-Za-z]{1,32})")
_TABLE = re.compile(r'\b(?:FROM|INTO|UPDATE)\s+"?([a-z_]{1,63})"?')
_LOOKED_AT = 4000  # characters of a statement


class OtelSpan:
    __slots__ = ("_span",)

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def end(self, **attributes: spans.Value) -> None:
        failed = attributes.pop("failed", None)
        for name, value in attributes.items():
            self._span.set_attribute(_dotted(name), value)
        if failed is not None:
            self._span.set_attribute("error.type", failed)
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()

    def enter(self) -> Callable[[], None]:
        token = context.attach(trace.set_span_in_context(self._span))
        return lambda: context.detach(token)


def export_traces(
    endpoint: str, *, headers: Mapping[str, str], service: str, ratio: float, environment: str, release: str
) -> None:
    """``ratio``: the part of the traces that is kept, 0 to 1; a whole one or none of it."""
    about = {"service.name": service, "service.version": release, "deployment.environment.name": environment}
    # Nothing of the machine or the process: only what is said here.
    provider = TracerProvider(resource=Resource(about), sampler=ParentBased(TraceIdRatioBased(ratio)))
    exporter = OTLPSpanExporter(endpoint=endpoint.rstrip("/") + PATH, headers=dict(headers), timeout=5)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    spans.trace_with(_beginner(provider.get_tracer("adiuva")))
    connection_created.connect(_trace_statements, dispatch_uid="traces")


def _beginner(tracer: Tracer) -> spans.Begin:
    def begin(name: str, attributes: dict[str, spans.Value]) -> spans.Span:
        named = {_dotted(key): value for key, value in attributes.items()}
        return OtelSpan(tracer.start_span(name, attributes=named))

    return begin


def _dotted(name: str) -> str:
    """Of the conventions: ``http__route`` is ``http.route``."""
    return name.replace("__", ".")


def _trace_statements(connection: BaseDatabaseWrapper, **_: Any) -> None:
    if _execute not in connection.execute_wrappers:
        connection.execute_wrappers.append(_execute)


def _execute(execute: Callable[..., Any], sql: Any, params: Any, many: bool, about: Any) -> Any:  # noqa: FBT001 - Django's
    operation, table = describe_statement(str(sql))
    with spans.span(f"{operation} {table}".strip(), db__operation__name=operation, db__collection__name=table):
        return execute(sql, params, many, about)


def describe_statement(sql: str) -> tuple[str, str]:
    """``("SELECT", "users")``: the verb and the first table, and nothing that was asked for."""
    verb, table = _VERB.match(sql), _TABLE.search(sql, 0, _LOOKED_AT)
    return verb[1].upper() if verb else "", table[1] if table else ""
