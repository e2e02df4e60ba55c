import pytest
from pytest_django import Settings

from storage.ops import check_local_engine_processes


@pytest.mark.parametrize(
    ("processes", "store", "found"),
    [
        (1, {}, []),
        (2, {}, ["storage.W004"]),
        (2, {"QDRANT_URL": "http://qdrant:6333"}, []),
        (2, {"PINECONE_API_KEY": "key"}, []),
    ],
)
def test_several_processes_need_a_store_they_can_share(
    settings: Settings, processes: int, store: dict[str, str], found: list[str]
) -> None:
    settings.SERVE_PROCESSES = processes
    for name, value in store.items():
        setattr(settings, name, value)
    assert [message.id for message in check_local_engine_processes()] == found
