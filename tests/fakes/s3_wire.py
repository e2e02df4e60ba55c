"""S3's requests and answers on the wire, as much of them as ``s3_server`` needs."""

from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

Operation = str  # one of those in OPERATIONS
# (method, of an object, subresource) of each operation
OPERATIONS: dict[tuple[str, bool, str], Operation] = {
    ("HEAD", False, ""): "head_bucket",
    ("GET", False, "list-type"): "list_objects",
    ("GET", False, "uploads"): "list_uploads",
    ("HEAD", True, ""): "head_object",
    ("GET", True, ""): "get_object",
    ("PUT", True, ""): "put_object",
    ("DELETE", True, ""): "delete_object",
    ("POST", True, "uploads"): "create_upload",
    ("PUT", True, "uploadId"): "upload_part",
    ("POST", True, "uploadId"): "complete_upload",
    ("DELETE", True, "uploadId"): "abort_upload",
}
_SUBRESOURCES = ("uploads", "uploadId", "list-type")


@dataclass
class Request:
    operation: Operation
    key: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""

    @property
    def length(self) -> int:
        return int(self.headers.get("content-length", "0"))


@dataclass(frozen=True)
class Answer:
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None  # of a body that HEAD does not send


def parse_head(head: str) -> Request:
    request_line, *lines = head.split("\r\n")
    method, target, _ = request_line.split(" ")
    parts = urlsplit(target)
    query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
    key = unquote(parts.path).lstrip("/").partition("/")[2]
    subresource = next((name for name in _SUBRESOURCES if name in query), "")
    pairs = (line.split(":", 1) for line in lines if ":" in line)
    headers = {name.strip().lower(): value.strip() for name, value in pairs}
    return Request(OPERATIONS[method, bool(key), subresource], key, query, headers)


def xml(content: str, status: int = 200) -> Answer:
    return Answer(status, f'<?xml version="1.0"?>{content}'.encode(), {"Content-Type": "application/xml"})


def error(status: int, code: str) -> Answer:
    return xml(f"<Error><Code>{code}</Code><Message>canary: vendor text</Message></Error>", status)
