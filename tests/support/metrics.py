"""Reading `/metrics`."""

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.support.server import RunningServer

TOKEN = "7c1e55aa90bd4e62b38f6d21c0a94e17"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


class Scrape:
    """One answer. ``value`` and ``labels`` go by a sample's name."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.families = list(text_string_to_metric_families(text))
        self._samples = [sample for family in self.families for sample in family.samples]

    @property
    def series(self) -> set[tuple[str, tuple[tuple[str, str], ...]]]:
        return {(sample.name, tuple(sorted(sample.labels.items()))) for sample in self._samples}

    def value(self, name: str, **labels: str) -> float:
        """The sum of every sample that has these labels; 0 when there is none."""
        return sum(
            sample.value for sample in self._samples if sample.name == name and labels.items() <= sample.labels.items()
        )

    def names(self) -> set[str]:
        return {sample.name for sample in self._samples}


def scrape(server: RunningServer) -> Scrape:
    answer = httpx.get(f"{server.url}/metrics", headers=BEARER, timeout=30)
    assert answer.status_code == 200, answer.text
    return Scrape(answer.text)
