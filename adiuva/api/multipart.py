"""``multipart/form-data``, read while it arrives. Its parts come in any order, so files are spooled: each in memory at
first, then in a file without a name, which is gone when the block ends or the process dies.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import IO, Any

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import HttpRequest
from django.http.multipartparser import MultiPartParser, MultiPartParserError
from django.utils.http import parse_header_parameters
from rest_framework.request import Request

from adiuva.api.errors import UpstreamUnavailable, ValidationFailed

READ_BYTES = 256 * 1024
_SPOOL_IN_MEMORY_BYTES = 1024 * 1024
_TAIL_BYTES = 1024

# Asked with a file's size in bytes so far; raises a ``Problem`` when that is too much.
SizeCheck = Callable[[int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpooledFile:
    """``file`` can be read and sought in until the form's block ends."""

    file: IO[bytes]
    size_bytes: int

    def parts(self) -> Iterator[bytes]:
        """From its beginning, where it is when the first one is asked for."""
        self.file.seek(0)
        while part := self.file.read(READ_BYTES):
            yield part


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """``fields``: the last part of each name that had no file name, decoded as Latin-1, which keeps every byte."""

    fields: Mapping[str, str]
    files: Mapping[str, SpooledFile]


@contextmanager
def spooled_form(request: Request, files: Mapping[str, SizeCheck]) -> Iterator[Form]:
    """The form that the request is, with those of its files that are named in ``files``; others are passed over.

    Raises:
        ValidationFailed: ``non_field_errors`` for what is no form, or ends before its last boundary does; by name for
            a file that comes twice.
        RequestDataTooBig: fields of more than ``DATA_UPLOAD_MAX_MEMORY_SIZE`` together (413).
    """
    with ExitStack() as stack:
        spool = _Spool(files, stack)
        fields = _parse(request, spool)
        yield Form(fields=fields, files=spool.whole)


def _parse(request: Request, spool: "_Spool") -> dict[str, str]:
    stream = _FormStream(request._request)
    content_type = "multipart/form-data;" + (request.content_type or "").partition(";")[2]
    meta = {"CONTENT_TYPE": content_type, "CONTENT_LENGTH": "1"}  # asked only whether it is 0
    try:
        fields, _ = MultiPartParser(meta, stream, [spool], "latin-1").parse()  # type: ignore[arg-type]  # read is enough
    except MultiPartParserError:
        raise _malformed_form() from None
    _, options = parse_header_parameters(content_type)
    if f"--{options['boundary']}--".encode() not in stream.tail:
        raise _malformed_form()
    return {name: str(values[-1]) for name, values in fields.lists()}


def _malformed_form() -> ValidationFailed:
    return ValidationFailed({"non_field_errors": ["The body is not a whole multipart/form-data document."]})


class _FormStream:
    """A request's body that remembers its end."""

    def __init__(self, request: HttpRequest) -> None:
        self.tail = b""
        self._request = request

    def read(self, size: int) -> bytes:
        part: bytes = self._request.read(size)
        self.tail = (self.tail + part[-_TAIL_BYTES:])[-_TAIL_BYTES:]
        return part


class _Spool(FileUploadHandler):
    """Takes the files it is asked for, one of each name; ``whole`` are those that have arrived."""

    chunk_size = READ_BYTES

    def __init__(self, checks: Mapping[str, SizeCheck], stack: ExitStack) -> None:
        super().__init__()
        self.whole: dict[str, SpooledFile] = {}
        self._checks = checks
        self._stack = stack
        self._begun: set[str] = set()
        self._file: IO[bytes]
        self._name = ""
        self._size = 0

    def new_file(self, field_name: str, *args: Any, **kwargs: Any) -> None:
        if field_name not in self._checks:
            raise SkipFile
        if field_name in self._begun:
            raise ValidationFailed({field_name: ["Sent more than once."]})
        self._begun.add(field_name)
        self._name = field_name
        self._size = 0
        self._file = self._stack.enter_context(
            tempfile.SpooledTemporaryFile(_SPOOL_IN_MEMORY_BYTES, dir=settings.FILE_UPLOAD_TEMP_DIR)  # noqa: SIM115
        )

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self._size += len(raw_data)
        self._checks[self._name](self._size)
        try:
            self._file.write(raw_data)
        except OSError:
            raise UpstreamUnavailable("The server has no room for this upload right now.") from None

    def file_complete(self, file_size: int) -> None:
        self.whole[self._name] = SpooledFile(file=self._file, size_bytes=self._size)
