"""A loopback Qdrant: the part of its REST API that qdrant-client calls for us, with state, filters and refusals.

Shapes and texts are those of Qdrant 1.x (``openapi.json`` of qdrant/qdrant, ``lib/api/src/rest``).
"""

import re
import uuid
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.http_store import HttpStore, RefusedError, Seen, cosine

MOST_BYTES = 32 * 1024 * 1024


@dataclass
class Collection:
    size: int
    points: dict[str, dict[str, Any]] = field(default_factory=dict)
    indexes: dict[str, Any] = field(default_factory=dict)


def _error(status: int, text: str) -> RefusedError:
    return RefusedError(status, {"status": {"error": text}, "time": 0.0})


def _wrong(text: str) -> RefusedError:
    return _error(400, f"Wrong input: {text}")


class LoopbackQdrant(HttpStore):
    """``collections`` by name. With ``api_key`` every request must carry it."""

    def __init__(self, *, api_key: str = "") -> None:
        super().__init__()
        self.api_key = api_key
        self.collections: dict[str, Collection] = {}

    def handle(self, seen: Seen) -> Any:
        if self.api_key and seen.headers.get("api-key") != self.api_key:
            raise RefusedError(401, "Invalid API key or JWT")
        if int(seen.headers.get("content-length", "0")) > MOST_BYTES:
            raise _error(413, f"JSON payload ({seen.headers['content-length']} bytes) is larger than allowed")
        return {"result": self._route(seen), "status": "ok", "time": 0.0}

    def _route(self, seen: Seen) -> Any:
        if (seen.method, seen.path) == ("GET", "/collections"):
            return {"collections": [{"name": name} for name in self.collections]}
        match = re.fullmatch(r"/collections/([^/]+)(/.*)?", seen.path)
        if match is None:
            raise RefusedError(404, "")
        name, rest = match[1], match[2] or ""
        match seen.method, rest:
            case "GET", "/exists":
                return {"exists": name in self.collections}
            case "PUT", "":
                return self._create(name, seen.body)
            case "PUT", "/index":
                self._collection(name).indexes[seen.body["field_name"]] = seen.body["field_schema"]
            case "PUT", "/points":
                self._upsert(self._collection(name), seen.body["points"])
            case "POST", "/points/query":
                return {"points": self._query(self._collection(name), seen.body)}
            case "POST", "/points/delete":
                self._delete(self._collection(name), seen.body)
            case _:
                raise RefusedError(404, "")
        # Without ?wait=true a write is only acknowledged, and a search may not see it yet.
        if seen.query.get("wait") != ["true"]:
            raise AssertionError("a write that is not waited for")
        return {"operation_id": len(self.requests), "status": "completed"}

    def _collection(self, name: str) -> Collection:
        if name not in self.collections:
            raise _error(404, f"Not found: Collection `{name}` doesn't exist!")
        return self.collections[name]

    def _create(self, name: str, body: Any) -> bool:
        if name in self.collections:
            raise _error(409, f"Wrong input: Collection `{name}` already exists!")
        if not 1 <= body["vectors"]["size"] <= 65536:
            raise _error(422, "Validation error in JSON body: [vectors.size: value is invalid]")
        if body["vectors"]["distance"] != "Cosine":
            raise AssertionError("only cosines are compared here")
        self.collections[name] = Collection(body["vectors"]["size"])
        return True

    def _upsert(self, collection: Collection, points: list[Any]) -> None:
        if not points:
            raise _wrong("Empty update request")
        for point in points:
            _check_vector(collection, point["vector"])
            _check_id(point["id"])
        for point in points:
            collection.points[point["id"]] = point

    def _query(self, collection: Collection, body: Any) -> list[Any]:
        vector = body["query"]["nearest"] if isinstance(body["query"], dict) else body["query"]
        _check_vector(collection, vector)
        if body["limit"] < 1:
            raise _error(422, "Validation error in JSON body: [limit: value 0 invalid, must be 1 or larger]")
        found = [
            {
                "id": point["id"],
                "version": 1,
                "score": cosine(vector, point["vector"]),
                "payload": {key: point["payload"][key] for key in body["with_payload"]},
            }
            for point in collection.points.values()
            if _matches(body.get("filter"), point)
        ]
        return sorted(found, key=lambda hit: -hit["score"])[: body["limit"]]

    def _delete(self, collection: Collection, body: Any) -> None:
        if "points" in body:
            gone = set(body["points"])
        else:
            gone = {key for key, point in collection.points.items() if _matches(body["filter"], point)}
        for key in gone:
            collection.points.pop(key, None)


def _check_id(point_id: Any) -> None:
    if isinstance(point_id, int) and point_id >= 0:
        return
    try:
        uuid.UUID(point_id)
    except (ValueError, TypeError, AttributeError):
        raise _wrong(f"value {point_id} is not a valid point ID") from None


def _check_vector(collection: Collection, vector: list[float]) -> None:
    if len(vector) != collection.size:
        raise _wrong(f"Vector dimension error: expected dim: {collection.size}, got {len(vector)}")


def _matches(condition: Any, point: Any) -> bool:
    """``must`` of matches and ids; what this does not know it refuses rather than ignores."""
    if condition is None:
        return True
    if {key for key, value in condition.items() if value is not None} != {"must"}:
        raise AssertionError(f"a filter this double does not know: {condition}")
    return all(_holds(one, point) for one in condition["must"])


def _holds(condition: Any, point: Any) -> bool:
    if "has_id" in condition:
        return point["id"] in condition["has_id"]
    if set(condition["match"]) != {"value"}:
        raise AssertionError(f"a match this double does not know: {condition}")
    return bool(point["payload"].get(condition["key"]) == condition["match"]["value"])
