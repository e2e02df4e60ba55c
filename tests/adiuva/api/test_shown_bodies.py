"""What the page of the API shows of a body is what its *Try it out* sends: the server has to be able to read it."""

from collections.abc import Callable

import pytest

from adiuva.api.openapi.hooks import EXAMPLES
from tests.support.accounts import Account
from tests.support.client import ApiClient

pytestmark = pytest.mark.django_db(transaction=True)  # vectors have a thread of their own

# The operation of each body, and the fields of it that only its reader can know.
BODIES = {
    "BackupPolicyRequest": ("PUT", "backup/policy", set()),
    "BatchRequest": ("POST", "storage/records/batch", set()),
    "CredentialsRequest": ("POST", "auth/login", set()),
    "EnvelopeContentRequest": ("PUT", "keys/envelopes/device/laptop", set()),
    "JsonUploadRequest": ("POST", "storage/records", set()),
    "NewBatchRequest": ("POST", "batches", set()),
    "PasswordChangeRequest": ("POST", "auth/password", {"current_password"}),
    "ReauthenticationRequest": ("POST", "auth/reauthenticate", {"password"}),
    "RegistrationRequest": ("POST", "auth/register", set()),
    "ResetRequest": ("POST", "auth/password/reset/confirm", {"token"}),
    "SearchRequest": ("POST", "storage/vectors/search", set()),
    "UpsertRequest": ("POST", "storage/vectors/upsert", set()),
}


def test_the_server_reads_each_body_that_its_page_shows(api: ApiClient, make_user: Callable[..., Account]) -> None:
    token = make_user(tier="team").access_token
    wrong = {}
    for component, (method, path, unknown) in BODIES.items():
        answer = api.request(method, path, json=EXAMPLES[component], token=token)
        if answer.status == 400 and set(answer.json["errors"]) - unknown:
            wrong[component] = answer.json["errors"]
        assert answer.status < 500, component
    assert wrong == {}


def test_no_body_of_the_page_is_left_untried() -> None:
    # Of a batch that is there; and these ask a model.
    elsewhere = {"BatchChangesRequest", "BatchBuildRequest", "ChatRequest", "ProviderTestRequest"}
    assert {name for name in EXAMPLES if name.endswith("Request")} - elsewhere == BODIES.keys()
