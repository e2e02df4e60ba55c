"""A client of the record routes, in this process."""

import base64
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage.checksums import checksum_of
from storage.models import StorageUsage
from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient

STREAM = "application/octet-stream"
MALFORMED_ID = "00000000-0000-4000-8000-00000000000g"
FORMS = ("stream", "json", "multipart")


def form(**parts: str | bytes) -> tuple[bytes, str]:
    """``(body, content type)``: bytes go as a file, text as a field, in the order given."""
    boundary = secrets.token_hex(12)
    lines = []
    for name, value in parts.items():
        file_name = '; filename="sealed.bin"' if isinstance(value, bytes) else ""
        data = value if isinstance(value, bytes) else value.encode()
        lines += [f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{file_name}\r\n\r\n'.encode(), data]
        lines += [b"\r\n"]
    return b"".join([*lines, f"--{boundary}--\r\n".encode()]), f"multipart/form-data; boundary={boundary}"


@dataclass(frozen=True, slots=True)
class Device:
    api: ApiClient
    account: Account

    @property
    def token(self) -> str:
        return self.account.access_token

    def send(
        self,
        data: bytes,
        *,
        table: str | None = "notes",
        record_id: str | None = None,
        to: str | None = None,
        as_: str = "stream",
        checksum: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """A POST, or a PUT to the record ``to``, in one of the ``FORMS``."""
        method, path = ("POST", "storage/records") if to is None else ("PUT", f"storage/records/{to}")
        checksum = checksum_of(data) if checksum is None else checksum
        sent = {name: value for name, value in (("table_name", table), ("id", record_id)) if value is not None}
        extra: dict[str, Any] = {"headers": headers or {}, "token": self.token}
        match as_:
            case "stream":
                # Django's client forgets the type of an empty body.
                extra["headers"] = {"X-Checksum": checksum, "Content-Type": STREAM, **extra["headers"]}
                query = "&".join(f"{name}={value}" for name, value in sent.items())
                return self.api.request(method, f"{path}?{query}", body=data, content_type=STREAM, **extra)
            case "json":
                blob = base64.b64encode(data).decode()
                return self.api.request(method, path, json=sent | {"checksum": checksum, "blob": blob}, **extra)
            case _:
                body, content_type = form(**sent, blob=data, checksum=checksum)
                return self.api.request(method, path, body=body, content_type=content_type, **extra)

    def stored(self, data: bytes, **kwargs: Any) -> Any:
        """The RecordMeta of a new record."""
        answer = self.send(data, **kwargs)
        assert answer.status == 201, answer
        return answer.json

    def read(self, record_id: str, **headers: str) -> Answer:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.api.get(f"storage/records/{record_id}", token=self.token, headers=names)

    def delete(self, record_id: str, **kwargs: Any) -> Answer:
        return self.api.delete(f"storage/records/{record_id}", token=self.token, **kwargs)

    def items(self, query: str = "") -> list[Any]:
        """Of the list."""
        items: list[Any] = self.api.get(f"storage/records{query}", token=self.token).json["items"]
        return items

    def feed(self, query: str = "") -> Any:
        return self.api.get(f"storage/changes{query}", token=self.token).json

    def used_bytes(self) -> int:
        used: int = self.api.get("storage/quota", token=self.token).json["storage"]["used_bytes"]
        return used


def limit_storage(device: Device, size_bytes: int) -> None:
    StorageUsage.objects.update_or_create(user=device.account.user, defaults={"storage_limit_bytes": size_bytes})


def files(folder: Path) -> list[Path]:
    """Everything that lies in ``folder``, drafts included."""
    return sorted(path for path in folder.rglob("*") if path.is_file())
