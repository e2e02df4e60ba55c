"""Three calls with what openapi-python-client made of openapi.json: the arguments are address, email and password."""
# mypy: ignore-errors
# What it imports is there once it is generated.

import importlib
import json
import pkgutil
import sys

import python_client
from python_client import AuthenticatedClient, Client
from python_client.api.auth import get_profile, login
from python_client.api.health import get_health
from python_client.models import AuthTokens, CredentialsRequest, Health, Problem, UserProfile


def import_everything() -> None:
    for module in pkgutil.walk_packages(python_client.__path__, "python_client."):
        importlib.import_module(module.name)


def main(address: str, email: str, password: str) -> None:
    anybody = Client(base_url=address)
    health = get_health.sync(client=anybody)
    tokens = login.sync(client=anybody, body=CredentialsRequest(email=email, password=password))
    assert isinstance(health, Health)
    assert isinstance(tokens, AuthTokens)
    profile = get_profile.sync(client=AuthenticatedClient(base_url=address, token=tokens.access_token))
    refused = get_profile.sync(client=AuthenticatedClient(base_url=address, token="nonsense"))
    assert isinstance(profile, UserProfile)
    assert isinstance(refused, Problem)
    sys.stdout.write(json.dumps([str(health.status), profile.email, str(profile.tier), str(refused.code)]))


import_everything()
main(*sys.argv[1:])
