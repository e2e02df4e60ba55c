"""The environment file means the same to all who read it: sh (commands, the backup), systemd and docker compose.

systemd and compose are read here by their rules, systemd's checked against a program of its own where that is there.
"""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adiuva.environment import Environment
from tests.repository.paths import ROOT
from tests.repository.test_deployment import EXAMPLE, EXAMPLE_TEXT
from tests.repository.test_runbook import SHELL

Variables = dict[str, str]
DATABASE_URL = "postgresql://adiuva:a%27b@127.0.0.1:5432/adiuva?sslmode=prefer&application_name=x"
# It reads ~/.config/environment.d/*.conf with the parser of EnvironmentFile=, and then expands $, which that does not.
GENERATOR = Path("/usr/lib/systemd/user-environment-generators/30-systemd-environment-d-generator")


def read_by_sh(text: str, folder: Path) -> Variables:
    """As /usr/local/bin/adiuva does."""
    (folder / "read").write_text(text)
    script = 'set -eu; PATH=/nowhere; set -a; . "$1"; set +a; exec /usr/bin/env -0'
    done = subprocess.run(
        ["sh", "-c", script, "sh", folder / "read"], capture_output=True, text=True, check=True, env={}, timeout=120
    )
    pairs = (pair.partition("=") for pair in done.stdout.split("\0") if pair)
    return {name: value for name, _, value in pairs if name not in {"PATH", "PWD", "OLDPWD", "SHLVL", "_"}}


_SYSTEMD = re.compile(
    r"""[ \t]*(?: '(?P<single>[^']*)'
                | "(?P<double>(?:[^"\\]|\\.)*)"
                | (?P<bare>(?:[^\s'"\\]|\\.)(?:[^\\\n]|\\.)*) )""",
    re.VERBOSE | re.DOTALL,
)


def read_by_systemd(text: str, _folder: Path) -> Variables:
    """systemd.exec(5), EnvironmentFile=: quoted parts, then a bare one that goes to the end of the line, # and all."""
    found: Variables = {}
    while text := text.lstrip():
        if text[0] in "#;":
            text = text.partition("\n")[2]
            continue
        name, _, text = text.partition("=")
        value = ""
        while part := _SYSTEMD.match(text):
            text = text[part.end() :]
            if part["single"] is not None:
                value += part["single"]
            elif part["double"] is not None:
                value += re.sub(r'\\(["\\`$])', r"\1", part["double"].replace("\\\n", ""))
            else:
                value += re.sub(r"\\(.)", r"\1", part["bare"].replace("\\\n", "")).rstrip()
        found[name.strip()] = value
        text = text.partition("\n")[2]
    return found


def read_by_compose(text: str, _folder: Path) -> Variables:
    """docs.docker.com, Compose, "Env file": of bare values no more than that a # after a space ends them. Fails on what
    interpolation or an escape would change.
    """
    found: Variables = {}
    while text := text.lstrip():
        line, _, rest = text.partition("\n")
        if line[0] != "#":
            name, _, value = (side.strip(" \t") for side in line.partition("="))
            if value.startswith("'"):
                closed = re.match(r"'(.*?)(?<!\\)'[ \t]*(?:#.*)?$", value)
                assert closed is not None, f"{line}: the quote is not closed where it seems"
                value = closed[1]
            else:
                value = re.sub(r"\s#.*", "", value).rstrip()
                assert not set(value) & set("$\"\\'"), f"{line}: compose would change it"
            found[name] = value
        text = rest
    return found


READERS: list[Callable[[str, Path], Variables]] = [read_by_sh, read_by_systemd, read_by_compose]
every_reader = pytest.mark.parametrize("read", READERS)

# All that a value may be by the words at the top of .env.example.
values = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters="'")
).filter(lambda value: not value.endswith("\\"))


def file_of(variables: Variables) -> str:
    return "".join(f"{name}='{value}'\n" for name, value in variables.items())


@every_reader
def test_a_quoted_url_with_options_is_read_whole(read: Callable[[str, Path], Variables], tmp_path: Path) -> None:
    written = {"DATABASE_URL": DATABASE_URL, "ENV": "prod"}

    assert read(file_of(written), tmp_path) == written
    assert Environment.model_validate(written | {"JWT_SECRET": "0c1d2e3f4a5b69788796a5b4c3d2e1f0"}).DATABASE_URL == (
        DATABASE_URL
    )


def test_a_bare_one_is_not_which_is_why_values_are_quoted(tmp_path: Path) -> None:
    bare = f"DATABASE_URL={DATABASE_URL}\n"

    assert read_by_systemd(bare, tmp_path) == {"DATABASE_URL": DATABASE_URL}
    assert read_by_sh(bare, tmp_path) == {"application_name": "x"}


@settings(max_examples=12)
@given(st.lists(values, min_size=1, max_size=30))
def test_every_value_that_the_template_allows_is_read_alike(
    tmp_path_factory: pytest.TempPathFactory, written: list[str]
) -> None:
    variables = {f"V{number}": value for number, value in enumerate(written)}
    folder = tmp_path_factory.getbasetemp()

    for read in READERS:
        assert read(file_of(variables), folder) == variables


@every_reader
def test_the_template_says_to_each_what_it_shows(read: Callable[[str, Path], Variables], tmp_path: Path) -> None:
    uncommented = re.sub(r"^#(?=[A-Z][A-Z0-9_]*=)", "", EXAMPLE_TEXT, flags=re.MULTILINE)

    assert read(uncommented, tmp_path) == EXAMPLE
    assert set(read(EXAMPLE_TEXT, tmp_path)) < set(EXAMPLE)


@pytest.fixture(scope="module")
def written_by_the_runbook(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The files that its blocks make: /etc/adiuva/adiuva.env, and .env from the template."""
    folder = tmp_path_factory.mktemp("runbook")
    shutil.copy(ROOT / ".env.example", folder / ".env")
    [block] = [text for text in SHELL if "<<ENVIRONMENT" in text]
    edits = [line for text in SHELL for line in text.splitlines() if line.startswith("sed -i ")]
    script = "\n".join(["PASSWORD=0123abcd GATEWAY=172.18.0.1", block.replace("/etc/adiuva", str(folder)), *edits])
    subprocess.run(["bash", "-eu", "-c", script], cwd=folder, check=True, timeout=120)
    assert len(edits) == 4
    return [(folder / "adiuva.env").read_text(), (folder / ".env").read_text()]


def test_what_the_runbook_writes_is_read_alike_and_quoted(written_by_the_runbook: list[str], tmp_path: Path) -> None:
    own, composed = [[read(text, tmp_path) for read in READERS] for text in written_by_the_runbook]

    assert own[0] == own[1] == own[2]
    assert own[0]["DATABASE_URL"] == "postgresql://adiuva:0123abcd@127.0.0.1:5432/adiuva"
    assert len(own[0]["JWT_SECRET"]) == 64
    assert composed[0] == composed[1] == composed[2]
    assert composed[0]["FORWARDED_ALLOW_IPS"] == "172.18.0.1"
    assert len(composed[0]["POSTGRES_PASSWORD"]) == 48
    for text in written_by_the_runbook:
        assert re.findall(r"^[A-Z_]+=(?!'.*'$).*", text, re.MULTILINE) == []


@pytest.mark.skipif(not GENERATOR.exists(), reason="needs systemd")
def test_the_rules_of_systemd_are_those_of_systemd(tmp_path: Path) -> None:
    text = (
        f"A={DATABASE_URL}\nB='{DATABASE_URL}'\n# comment = 1\n; and = 2\n"
        'C=\'a \\d "e" ; #f \'\nD="a \\" \\\\ \\d" \n'
        "E= bare value # that goes on \nF=a\\ b\\\\c\nG='it'\\''s'\nH = 'x' y\n"
    )
    folder = tmp_path / "environment.d"
    folder.mkdir()
    (folder / "x.conf").write_text(text)
    environment = {"XDG_CONFIG_HOME": str(tmp_path), "HOME": str(tmp_path)}
    done = subprocess.run([GENERATOR], capture_output=True, text=True, check=True, env=environment, timeout=120)
    # It quotes for a shell what it prints.
    said = read_by_sh(done.stdout, tmp_path)
    ours = read_by_systemd(text, tmp_path)

    assert {name: said.get(name) for name in ours} == ours
