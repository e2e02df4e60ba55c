"""A conversation turn: validation, orchestration, the REST view and the WebSocket."""
