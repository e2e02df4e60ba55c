from typing import Any

import pytest

from tests.storage.records.bulk.clients import FORMS, Bulk
from tests.storage.records.devices import Device


@pytest.fixture(params=FORMS, ids=["json", "cbor"])
def bulk(request: pytest.FixtureRequest, device: Device) -> Bulk:
    form: Any = request.param
    return Bulk(device, form)
