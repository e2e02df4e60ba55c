"""What has to be told, on its line and as what it is."""

import pytest

from tests.marketplace.review.reach import snippets
from tests.marketplace.review.reach.looking import told


@pytest.mark.parametrize(("code", "line", "kind"), snippets.SCRIPTS)
def test_a_script_that_reaches_out_is_told_on_its_line(code: str, line: int, kind: str) -> None:
    assert (line, kind) in told(code)


@pytest.mark.parametrize(("name", "code", "line", "kind"), snippets.FILES)
def test_pages_and_typescript_are_read_as_well(name: str, code: str, line: int, kind: str) -> None:
    data = code.encode("latin-1") if code.startswith("ÿþ") else code
    assert (line, kind) in told(data, name=name)
