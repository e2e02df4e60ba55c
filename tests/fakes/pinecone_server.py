"""A loopback Pinecone: the data plane of one index by namespace, and the control plane's description of it.

Limits and texts are those of the public API (docs.pinecone.io, API version 2026-07).
"""

from typing import Any

from tests.fakes.http_store import HttpStore, RefusedError, Seen, cosine

MOST_BYTES = 2 * 1024 * 1024
MOST_VECTORS = 1000
MOST_MATCHES = 10_000


def _error(status: int, code: int, text: str) -> RefusedError:
    return RefusedError(status, {"code": code, "message": text, "details": []})


class LoopbackPinecone(HttpStore):
    """``namespaces`` hold ids and values. Every request must carry ``api_key`` and a version of the API."""

    def __init__(self, *, dimension: int, api_key: str = "pc-key", metric: str = "cosine") -> None:
        super().__init__()
        self.api_key = api_key
        self.dimension = dimension
        self.metric = metric
        self.namespaces: dict[str, dict[str, list[float]]] = {}

    def handle(self, seen: Seen) -> Any:
        if seen.headers.get("api-key") != self.api_key:
            raise RefusedError(401, "Unauthorized")
        if "x-pinecone-api-version" not in seen.headers:
            raise _error(400, 3, "X-Pinecone-Api-Version header is required")
        if int(seen.headers.get("content-length", "0")) > MOST_BYTES:
            raise _error(400, 11, f"Request size exceeds the maximum supported size of {MOST_BYTES} bytes")
        match seen.method, seen.path:
            case "GET", "/indexes/adiuva":
                return self._description()
            case "POST", "/vectors/upsert":
                return self._upsert(seen.body)
            case "POST", "/query":
                return self._query(seen.body)
            case "POST", "/vectors/delete":
                return self._delete(seen.body)
            case "POST", "/describe_index_stats":
                return self._stats()
            case _:
                raise _error(404, 5, "Not found")

    def _upsert(self, body: Any) -> Any:
        vectors = body["vectors"]
        if not 1 <= len(vectors) <= MOST_VECTORS:
            raise _error(400, 3, f"Invalid number of vectors: {len(vectors)}")
        for vector in vectors:
            self._check(vector["values"])
        self.namespaces.setdefault(body.get("namespace", ""), {}).update(
            {vector["id"]: vector["values"] for vector in vectors}
        )
        return {"upsertedCount": len(vectors)}

    def _query(self, body: Any) -> Any:
        if not 1 <= body["topK"] <= MOST_MATCHES:
            raise _error(400, 3, f"Invalid topK: {body['topK']}")
        self._check(body["vector"])
        namespace = body.get("namespace", "")
        matches: list[dict[str, Any]] = [
            {"id": key, "score": cosine(body["vector"], values), "values": []}
            for key, values in self.namespaces.get(namespace, {}).items()
        ]
        best = sorted(matches, key=lambda match: -match["score"])[: body["topK"]]
        return {"results": [], "matches": best, "namespace": namespace, "usage": {"readUnits": 1}}

    def _delete(self, body: Any) -> Any:
        namespace = body.get("namespace", "")
        if namespace not in self.namespaces:
            raise _error(404, 5, "Namespace not found")
        if body.get("deleteAll"):
            del self.namespaces[namespace]
        else:
            if not 1 <= len(body["ids"]) <= MOST_VECTORS:
                raise _error(400, 3, f"Invalid number of ids: {len(body['ids'])}")
            for key in body["ids"]:
                self.namespaces[namespace].pop(key, None)
        return {}

    def _check(self, values: list[float]) -> None:
        if len(values) != self.dimension:
            raise _error(
                400, 3, f"Vector dimension {len(values)} does not match the dimension of the index {self.dimension}"
            )
        if not any(values):
            raise _error(400, 3, "Dense vectors must contain at least one non-zero value")

    def _stats(self) -> Any:
        counts = {name: {"vectorCount": len(vectors)} for name, vectors in self.namespaces.items()}
        return {
            "namespaces": counts,
            "dimension": self.dimension,
            "indexFullness": 0,
            "totalVectorCount": sum(len(vectors) for vectors in self.namespaces.values()),
            "metric": self.metric,
            "vectorType": "dense",
        }

    def _description(self) -> Any:
        return {
            "name": "adiuva",
            "host": self.url,
            "deletion_protection": "disabled",
            "status": {"ready": True, "state": "Ready"},
            "schema": {
                "fields": {"_values": {"type": "dense_vector", "dimension": self.dimension, "metric": "cosine"}}
            },
            "deployment": {"deployment_type": "managed", "cloud": "aws", "region": "us-east-1", "environment": "x"},
            "read_capacity": {"mode": "OnDemand", "status": {"state": "Ready"}},
        }
