import pytest

from tests.accounts.organizations.scim.directory import Directory, make_directory


@pytest.fixture
def directory(db: None) -> Directory:
    return make_directory()
