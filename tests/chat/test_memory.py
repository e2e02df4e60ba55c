"""What a server holds once it has loaded everything and turns have been taken."""

from tests.support.server import InspectedServer

OBJECTS_OF_THE_MODULES = 200_000


def test_the_collector_leaves_alone_what_was_loaded(chat_server: InspectedServer) -> None:
    """A full collection over all of it stopped every stream for 0.7 s."""
    chat_server.await_log(lambda text: "adiuva.lifespan [-] loaded " in text)
    assert chat_server.inspect()["frozen"] > OBJECTS_OF_THE_MODULES


def test_no_turn_loads_a_tokenizer(chat_server: InspectedServer) -> None:
    """42 MB; the fixture has taken a turn. What nobody counts for us is an estimate (``agents.llm.meter``)."""
    assert chat_server.inspect()["encodings"] == []
