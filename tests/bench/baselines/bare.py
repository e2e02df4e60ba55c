"""The least a server could do: bare ASGI under the very uvicorn settings of ours, to measure against."""

import os
from typing import Any

import uvicorn

BODY = b'{"id":"00000000-0000-0000-0000-000000000000","email":"you@example.com","tier":"free"}'


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": f"{message['type']}.complete"})
        await send({"type": "lifespan.shutdown.complete"})
    elif scope["type"] == "http":
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": BODY})
    else:
        await receive()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            await send({"type": "websocket.send", "text": '{"type":"pong"}'})


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "adiuva.settings")
    import django

    django.setup()
    from adiuva.server.serve import server_config

    config = server_config()
    config.app = app
    uvicorn.Server(config).run()


if __name__ == "__main__":
    main()
