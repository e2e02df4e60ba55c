"""What the browser and Node.js offer that a reviewer wants to know of: by the path from the global object."""

import re
from typing import Final, NamedTuple

Path = tuple[str | None, ...]


class Reach(NamedTuple):
    """``url_at``: which argument is an address."""

    kind: str
    severity: str
    words: str
    url_at: int | None = None


_NETWORK: Final = {
    "fetch": ("medium", 0),
    "XMLHttpRequest": ("medium", None),
    "WebSocket": ("medium", 0),
    "WebSocketStream": ("medium", 0),
    "WebTransport": ("medium", 0),
    "EventSource": ("medium", 0),
    "RTCPeerConnection": ("high", None),
    "webkitRTCPeerConnection": ("high", None),
    "navigator.sendBeacon": ("high", 0),
    "importScripts": ("high", 0),
    "open": ("medium", 0),
    "location.assign": ("medium", 0),
    "location.replace": ("medium", 0),
    "document.location.assign": ("medium", 0),
    "document.location.replace": ("medium", 0),
    "postMessage": ("low", None),
    "BroadcastChannel": ("low", None),
    "axios": ("medium", 0),
    "$.ajax": ("medium", 0),
    "jQuery.ajax": ("medium", 0),
    "$.getScript": ("high", 0),
    "jQuery.getScript": ("high", 0),
}
_CODE: Final = {
    "eval": ("high", "runs text as code"),
    "$.globalEval": ("high", "runs text as code"),
    "jQuery.globalEval": ("high", "runs text as code"),
    "execScript": ("high", "runs text as code"),
    "Function": ("high", "makes code of text"),
    "GeneratorFunction": ("high", "makes code of text"),
    "AsyncFunction": ("high", "makes code of text"),
    "document.write": ("medium", "writes markup into the page"),
    "document.writeln": ("medium", "writes markup into the page"),
    "WebAssembly": ("medium", "runs code that is no script"),
    "ShadowRealm": ("high", "runs text as code"),
    "Worker": ("medium", "starts code that runs beside the page"),
    "SharedWorker": ("medium", "starts code that runs beside the page"),
    "navigator.serviceWorker": ("high", "can put itself between the page and the network"),
}
_STORAGE: Final = {
    "document.cookie": ("medium", "holds the page's cookies"),
    "cookieStore": ("medium", "holds the page's cookies"),
    "localStorage": ("low", "keeps data in the browser"),
    "sessionStorage": ("low", "keeps data in the browser"),
    "indexedDB": ("low", "keeps data in the browser"),
    "caches": ("low", "keeps answers in the browser"),
    "openDatabase": ("low", "keeps data in the browser"),
    "navigator.clipboard": ("medium", "is the clipboard"),
    "navigator.storage": ("low", "keeps data in the browser"),
    "navigator.credentials": ("high", "gives the user's credentials"),
    "showOpenFilePicker": ("medium", "opens files of the user"),
    "showSaveFilePicker": ("medium", "writes files of the user"),
    "showDirectoryPicker": ("medium", "opens folders of the user"),
}
_PROCESS: Final = {
    "process.env": ("medium", "is the environment of the process"),
    "process.binding": ("high", "opens the inside of Node.js"),
    "process.dlopen": ("high", "loads a native library"),
    "process.kill": ("medium", "ends processes"),
    "Deno": ("medium", "is the machine that the app runs on"),
    "Bun": ("medium", "is the machine that the app runs on"),
    "navigator.geolocation": ("medium", "tells where the user is"),
    "navigator.mediaDevices": ("medium", "opens camera and microphone"),
    "navigator.getUserMedia": ("medium", "opens camera and microphone"),
    "navigator.usb": ("medium", "talks to devices"),
    "navigator.hid": ("medium", "talks to devices"),
    "navigator.serial": ("medium", "talks to devices"),
    "navigator.bluetooth": ("medium", "talks to devices"),
    "chrome.runtime": ("medium", "is the browser's extensions"),
    "chrome.tabs": ("high", "is the browser's other pages"),
}


def _path(text: str) -> Path:
    return tuple(text.split("."))


TOLD: Final[dict[Path, Reach]] = {
    **{_path(name): Reach("network", severity, name, at) for name, (severity, at) in _NETWORK.items()},
    **{_path(name): Reach("code_from_text", severity, words) for name, (severity, words) in _CODE.items()},
    **{_path(name): Reach("storage", severity, words) for name, (severity, words) in _STORAGE.items()},
    **{_path(name): Reach("process", severity, words) for name, (severity, words) in _PROCESS.items()},
}
# Names that stay the browser's though a file gives them a value without declaring them.
_ALSO_KNOWN: Final = {
    "document", "navigator", "location", "setTimeout", "setInterval", "Reflect", "require", "process", "atob",
}  # fmt: skip
KNOWN: Final = frozenset(str(path[0]) for path in TOLD) | _ALSO_KNOWN
# Of these, a property whose name is worked out at run time can be anything above.
COMPUTED: Final[frozenset[Path]] = frozenset({(), ("document",), ("navigator",), ("process",)})
TIMERS: Final[frozenset[Path]] = frozenset({("setTimeout",), ("setInterval",), ("setImmediate",)})
# Given a global object, these go through all that it has.
WALKS: Final[frozenset[Path]] = frozenset({
    ("Object", "values"), ("Object", "entries"), ("Object", "keys"), ("Object", "getOwnPropertyNames"),
    ("Object", "getOwnPropertyDescriptor"), ("Object", "getOwnPropertyDescriptors"), ("Reflect", "ownKeys"),
    ("Reflect", "getOwnPropertyDescriptor"),
})  # fmt: skip
PLACES: Final[frozenset[Path]] = frozenset({
    ("location",), ("location", "href"), ("document", "location"), ("document", "location", "href"),
})  # fmt: skip
# Put together from pieces, or written in escapes, these are meant not to be found.
_COMMON: Final = {
    "open", "$", "jQuery", "axios", "Bun", "location", "document", "caches", "require", "Worker", "process",
}  # fmt: skip
HIDDEN_NAMES: Final = (KNOWN - _COMMON) | {
    "constructor", "child_process", "sendBeacon", "cookie", "fromCharCode", "importScripts", "localStorage",
}  # fmt: skip

_NODE_NETWORK: Final = frozenset({
    "net", "http", "https", "http2", "dgram", "tls", "dns", "dns/promises", "axios", "node-fetch", "cross-fetch",
    "ws", "undici", "got", "request", "superagent", "ky", "socket.io-client", "nodemailer",
})  # fmt: skip
_NODE_PROCESS: Final = frozenset({
    "child_process", "cluster", "worker_threads", "fs", "fs/promises", "fs-extra", "os", "inspector", "process",
    "repl", "v8", "execa", "shelljs", "electron", "node-pty", "ffi-napi", "keytar",
})  # fmt: skip
_NODE_CODE: Final = frozenset({"vm", "vm2", "module", "isolated-vm"})
_HIGH: Final = frozenset({"child_process", "vm", "cluster", "inspector", "dgram", "net", "execa", "shelljs", "keytar"})


def reach_of_module(name: str) -> Reach | None:
    """None for what is in the package, or does nothing that has to be told."""
    lower = name.strip().lower()
    if lower.startswith(("http:", "https:", "//")):
        return Reach("network", "high", f"loads code from {describe_url(name)[0]}")
    if lower.startswith(("data:", "blob:")):
        return Reach("code_from_text", "high", "loads code from a text")
    bare = lower.removeprefix("node:").split("@")[0] or lower
    for kind, names in (("network", _NODE_NETWORK), ("process", _NODE_PROCESS), ("code_from_text", _NODE_CODE)):
        if bare in names:
            return Reach(kind, "high" if bare in _HIGH else "medium", f"loads the module {bare}")
    return None


_URL: Final = re.compile(
    r"(?:(https?|wss?|ftp):)?//(?:[^/?#\s@]{0,300}@)?([^/?#\s]{1,300})([^?#\s]{0,300})", re.IGNORECASE
)
_ADDRESS: Final = re.compile(r"\[[0-9a-f:.]+\]|[0-9.]+|0x[0-9a-f]+", re.IGNORECASE)
# Where stolen data is known to go: anybody gets an address there in a moment, and nobody asks who they are.
_DROPS: Final = re.compile(
    r"(?:^|\.)(?:webhook\.site|ngrok\.io|ngrok-free\.app|ngrok\.app|trycloudflare\.com|requestbin\.\w+|pipedream\.net|"
    r"beeceptor\.com|pastebin\.com|hastebin\.com|transfer\.sh|file\.io|burpcollaborator\.net|oast\.\w+|interact\.sh|"
    r"serveo\.net|localtunnel\.me|loca\.lt|telegra\.ph|api\.telegram\.org|discord\.com|discordapp\.com|[\w-]+\.onion)$"
)


def describe_url(url: str) -> tuple[str, str]:
    """What to show of an address, without user, password and query; and how severe it is that it is asked."""
    match = _URL.match(url.strip())
    if match is None:
        scheme = url.strip().split(":", 1)[0].lower() if ":" in url else ""
        return (f"{scheme}:…", "medium") if scheme in {"data", "blob", "javascript", "file"} else (url, "low")
    scheme, host, path = (match[1] or "").lower(), match[2].lower(), match[3]
    shown = f"{scheme + ':' if scheme else ''}//{host}{path}"
    name = host.rsplit(":", 1)[0] if not host.startswith("[") else host.split("]")[0] + "]"
    is_local = name in {"localhost", "127.0.0.1", "[::1]"}
    is_plain = scheme in {"http", "ws", "ftp"} and not is_local
    is_bare = _ADDRESS.fullmatch(name) is not None and not is_local
    return shown, "high" if is_plain or is_bare or _DROPS.search(name) else "medium"
