"""Files that hide others (archives) or run by themselves (programs), known by their first bytes and by their names."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from marketplace.archives import shown


def _named(suffixes: str) -> frozenset[str]:
    return frozenset(f".{suffix}" for suffix in suffixes.split())


# What is inside one of these, no check here sees.
_ARCHIVES = {
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"LZIP": "lzip",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!\x1a\x07": "rar",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"MSCF": "cab",
    b"!<arch>\n": "ar",
}
_ARCHIVE_SUFFIXES = _named("asar zip tar tgz gz bz2 xz 7z rar zst cab iso dmg jar crx vsix xpi apk br")
_TAR_AT, _TAR = 257, b"ustar"
_ZIP_END, _ZIP_END_WITHIN = b"PK\x05\x06", 22 + 0xFFFF

_PROGRAMS = {
    b"\x7fELF": "ELF",
    b"\xfe\xed\xfa\xce": "Mach-O",
    b"\xfe\xed\xfa\xcf": "Mach-O",
    b"\xce\xfa\xed\xfe": "Mach-O",
    b"\xcf\xfa\xed\xfe": "Mach-O",
    b"\xca\xfe\xba\xbe": "Mach-O or Java",
}
_DOS, _PE, _PE_AT = b"MZ", b"PE\x00\x00", slice(0x3C, 0x40)
_PROGRAM_SUFFIXES = _named(
    "exe dll so dylib node msi com scr bat cmd ps1 vbs wsf hta lnk reg sh bash command desktop app deb rpm appimage"
)
SCRIPT_SUFFIXES = _named("js mjs cjs jsx ts mts cts tsx html htm vue svelte")


def archive_inside(name: str, data: bytes) -> Iterator[str]:
    kind = next((kind for magic, kind in _ARCHIVES.items() if data.startswith(magic)), None)
    if kind is None and data[_TAR_AT : _TAR_AT + len(_TAR)] == _TAR:
        kind = "tar"
    if kind is None and data.rfind(_ZIP_END, -_ZIP_END_WITHIN) >= 0:
        kind = "zip behind something else"
    if kind is None and suffix_of(name) in _ARCHIVE_SUFFIXES:
        kind = "by its name"
    if kind is not None:
        yield f"{shown(name)} ({kind})"


def program_inside(name: str, data: bytes) -> Iterator[str]:
    kind = next((kind for magic, kind in _PROGRAMS.items() if data.startswith(magic)), None)
    if kind is None and _is_windows_program(data):
        kind = "Windows"
    suffix = suffix_of(name)
    if kind is None and data.startswith(b"#!") and suffix not in SCRIPT_SUFFIXES:
        kind = "a script of the shell's"
    if kind is None and suffix in _PROGRAM_SUFFIXES:
        kind = "by its name"
    if kind is not None:
        yield f"{shown(name)} ({kind})"


def suffix_of(name: str) -> str:
    return PurePosixPath(name).suffix.casefold()


def _is_windows_program(data: bytes) -> bool:
    """A text may begin with MZ; a program says where its header is."""
    header = int.from_bytes(data[_PE_AT], "little")
    return data.startswith(_DOS) and data[header : header + len(_PE)] == _PE
