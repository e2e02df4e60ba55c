"""A device that keeps up with the change feed, as the contract has clients do it."""

from dataclasses import dataclass

from tests.storage.crash.http_client import HttpClient


@dataclass(frozen=True, slots=True)
class Version:
    """A record as the feed and the list describe it."""

    table_name: str
    checksum: str
    size_bytes: int
    revision: int


class Follower:
    """``records`` is what there is, by id, as far as it has read."""

    def __init__(self, client: HttpClient) -> None:
        self.records: dict[str, Version] = {}
        self.resyncs = 0
        self._client = client
        self._since = "0"
        self._newest = 0
        self._full_run: set[str] | None = set()  # the ids that have come since it began at 0

    def read_on(self, *, pages: int | None = None) -> None:
        """To the end, or so many pages. An answer that does not come changes nothing here."""
        while pages is None or pages > 0:
            answer = self._client.request("GET", "storage/changes", params={"since": self._since, "limit": 20})
            if answer.status_code == 410:
                assert (answer.json()["code"], answer.json()["reason"]) == ("resync_required", "pruned")
                self.resyncs += 1
                self._since, self._newest, self._full_run = "0", 0, set()
                continue
            assert answer.status_code == 200, answer.text
            page = answer.json()
            self._apply(page["changes"])
            self._since = page["next"]
            if pages is not None:
                pages -= 1
            if not page["has_more"]:
                self._end_full_run()
                return

    def _apply(self, changes: list[dict[str, object]]) -> None:
        for change in changes:
            seq, record_id = change["seq"], str(change["id"])
            assert isinstance(seq, int)
            assert seq > self._newest, "the feed went back"
            self._newest = seq
            if change["op"] == "delete":
                self.records.pop(record_id, None)
            else:
                self.records[record_id] = version_of(change)
            if self._full_run is not None:
                self._full_run.add(record_id)

    def _end_full_run(self) -> None:
        """What did not come in a run from 0 was deleted, and its deletion forgotten."""
        if self._full_run is not None:
            self.records = {one: version for one, version in self.records.items() if one in self._full_run}
            self._full_run = None


def version_of(described: dict[str, object]) -> Version:
    table, checksum = str(described["table_name"]), str(described["checksum"])
    return Version(table, checksum, int(str(described["size_bytes"])), int(str(described["revision"])))
