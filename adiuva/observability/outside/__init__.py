"""What an operator may have told elsewhere: errors (Sentry) and traces (OpenTelemetry). Off unless a variable names
where; then their packages are not even imported (tests/adiuva/test_costs.py).

Both tell what happened and never with what: no body, prompt, header, address, parameter or local variable, and of an
exception its type and its place, not its text. ``errors`` and ``traces`` say how.
"""

from django.conf import settings


def start() -> None:
    """In each process, once the settings are there."""
    if settings.SENTRY_DSN:
        from adiuva.observability.outside.errors import report_errors

        report_errors(settings.SENTRY_DSN, environment=settings.ENV, release=settings.VERSION)
    if settings.OTEL_EXPORTER_OTLP_ENDPOINT:
        from adiuva.observability.outside.traces import export_traces

        export_traces(
            settings.OTEL_EXPORTER_OTLP_ENDPOINT,
            headers=settings.OTEL_EXPORTER_OTLP_HEADERS,
            service=settings.OTEL_SERVICE_NAME,
            ratio=settings.OTEL_TRACES_SAMPLER_ARG,
            environment=settings.ENV,
            release=settings.VERSION,
        )
