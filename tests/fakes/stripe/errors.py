from typing import Any


class ApiError(Exception):
    """An error as Stripe's API words it (docs.stripe.com/api/errors). ``is_final``: what was asked was carried out, and
    this is how it ended; under the same idempotency key it is the answer for ever.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        is_final: bool = False,
        **more: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.is_final = is_final
        named = {"message": message, "type": kind, "code": code, "param": param, **more}
        self.body: dict[str, Any] = {"error": {name: value for name, value in named.items() if value is not None}}


def missing(what: str, object_id: str, *, param: str, status: int = 400) -> ApiError:
    """404 where the id is in the path, 400 where it is a parameter."""
    return ApiError(f"No such {what}: '{object_id}'", status=status, code="resource_missing", param=param)


def missing_param(param: str) -> ApiError:
    return ApiError(f"Missing required param: {param}.", code="parameter_missing", param=param)


PROVIDER_TEXT = "SECRET PROVIDER TEXT for ada@example.com"


def stored_failure(status: int) -> ApiError:
    """A failure of the API itself: what was asked was begun, so its idempotency key has an answer."""
    return ApiError(PROVIDER_TEXT, status=status, kind="api_error", is_final=True)
