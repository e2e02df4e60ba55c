"""The packed client in projects of its users: bundlers, compilers, ES modules and CommonJS, on Node 20 and 22.

``consumers/`` has the projects and the tools, pinned. All of it is copied, and the tarball is installed there as
anybody would; nothing is taken from the client's own folder.
"""

import os
import secrets
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.commands import npm, run
from tests.clients.static_pages import serve_pages
from tests.support.browser import Browser, is_installed
from tests.support.server import PROJECT_DIR, RunningServer
from tests.support.template_database import Templates

pytestmark = pytest.mark.node

CONSUMERS = PROJECT_DIR / "tests/clients/consumers"
STORY = "keys unlocked, create_record, streamed true"
TSCONFIGS = [f"tsconfig.{name}.json" for name in ("node10", "bundler", "node16", "nodenext")]
IN_THE_PACKAGE = {
    "CHANGELOG.md",
    "LICENSE",
    "README.md",
    "package.json",
    "dist/LICENSES.txt",
    *(f"dist/index.{end}" for end in ("js", "browser.js", "cjs", "d.ts", "d.cts")),
}


@pytest.fixture(scope="module")
def projects(tarball: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the tools, and without ``ws``."""
    place = tmp_path_factory.mktemp("consumers") / "projects"
    shutil.copytree(CONSUMERS, place, ignore=shutil.ignore_patterns("node_modules", "dist"))
    npm(place, "ci", "--prefer-offline")
    npm(place, "install", "--no-save", "--no-package-lock", "--prefer-offline", str(tarball))
    assert not (place / "node_modules/ws").exists()
    return place


@pytest.fixture(scope="module")
def with_ws(tarball: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stranger's folder: the tarball, and ``ws`` beside it."""
    place = tmp_path_factory.mktemp("with_ws")
    shutil.copytree(
        CONSUMERS, place, ignore=shutil.ignore_patterns("node_modules", "package*.json"), dirs_exist_ok=True
    )
    (place / "package.json").write_text('{ "private": true }')
    npm(place, "install", "--prefer-offline", str(tarball), "ws@8.18.3")
    return place


@pytest.fixture(scope="module")
def node20(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The machine's, where it is that, else the registry's."""
    if run(["node", "--version"], cwd=CONSUMERS).startswith("v20."):
        return "node"
    place = tmp_path_factory.mktemp("node20")
    (place / "package.json").write_text('{ "private": true }')
    npm(place, "install", "--prefer-offline", "node@20")
    binary = str(place / "node_modules/node/bin/node")
    assert run([binary, "--version"], cwd=place).startswith("v20.")
    return binary


@pytest.fixture(scope="module")
def node22(projects: Path) -> str:
    binary = projects / "node_modules/node-22/bin/node"
    if not binary.exists():
        missing = "the registry's binary of Node 22 is for Linux on x64"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    assert run([str(binary), "--version"], cwd=projects).startswith("v22.")
    return str(binary)


@pytest.fixture(scope="module")
def pages(projects: Path) -> Iterator[str]:
    with serve_pages(projects) as port:
        yield f"http://localhost:{port}"


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, pages: str, database_templates: Templates
) -> Iterator[RunningServer]:
    """It speaks HTTP/1.1, as a server does without a proxy in front."""
    root = tmp_path_factory.mktemp("consumed")
    env = {
        "DATA_DIR": str(root / "data"),
        "DATABASE_URL": f"sqlite:///{root}/data/adiuva.sqlite3",
        "JWT_SECRET": secrets.token_hex(32),
        "CORS_ORIGINS": pages,
    }
    (root / "data").mkdir()
    server = RunningServer(folder=root, env=env)
    database_templates.migrate(server)
    server.manage("seed_demo")
    server.start()
    yield server
    server.stop()


def tool(projects: Path, name: str, *arguments: str, inside: Path) -> str:
    return run([str(projects / "node_modules/.bin" / name), *arguments], cwd=inside)


def tells(program: Path, node: str, server: RunningServer) -> bool:
    return run([node, program.name], cwd=program.parent, ADIUVA_URL=server.url).strip() == STORY


def test_a_package_that_nobody_built_is_not_empty(tarball: Path) -> None:
    with tarfile.open(tarball) as packed:
        assert {name.removeprefix("package/") for name in packed.getnames()} == IN_THE_PACKAGE


def test_nobody_publishes_it_by_accident(folder: Path) -> None:
    with pytest.raises(AssertionError, match="Not published: `npm run release` does that"):
        npm(folder, "publish", "--dry-run")


def test_publint_and_are_the_types_wrong_find_nothing(projects: Path, tarball: Path) -> None:
    assert "All good!" in tool(projects, "publint", "run", "--strict", str(tarball), inside=projects)
    tool(projects, "attw", str(tarball), inside=projects)  # fails where it finds something


def test_the_types_compile_wherever_typescript_looks_for_them(projects: Path) -> None:
    """Strictly, with the libraries of ES2020, and without those of Node; our declarations are checked, too."""
    types = projects / "types"
    for name in ("use.mts", "use.cts"):
        shutil.copy(types / "use.ts", types / name)
    tool(projects, "tsc", "-b", *TSCONFIGS, inside=types)


@pytest.mark.parametrize("program", ["esm/index.mjs", "cjs/index.cjs"])
class TestNode:
    def test_node_22_needs_no_ws(self, program: str, projects: Path, node22: str, server: RunningServer) -> None:
        assert tells(projects / program, node22, server)

    def test_node_20_takes_ws(self, program: str, with_ws: Path, node20: str, server: RunningServer) -> None:
        assert tells(with_ws / program, node20, server)

    def test_node_20_without_ws_says_what_to_do(
        self, program: str, projects: Path, node20: str, server: RunningServer
    ) -> None:
        with pytest.raises(AssertionError, match=r"NoWebSocket: Node 20 has no WebSocket: `npm install ws`, or pass"):
            tells(projects / program, node20, server)


def test_webpack_bundles_electrons_main_process(
    tmp_path: Path, projects: Path, with_ws: Path, node20: str, server: RunningServer
) -> None:
    """With ``ws`` in the bundle, which is run where no package is."""
    project = with_ws / "webpack-electron-main"
    webpack = str(projects / "node_modules/webpack-cli/bin/cli.js")
    run(["node", webpack, "-c", "webpack.config.cjs", "--fail-on-warnings"], cwd=project)
    alone = tmp_path / "main.cjs"
    shutil.copy(project / "dist/main.cjs", alone)
    assert tells(alone, node20, server)


def test_esbuild_bundles_for_node_without_ws(projects: Path, node22: str, server: RunningServer) -> None:
    project = projects / "esbuild"
    tool(
        projects,
        "esbuild",
        "main.js",
        "--bundle",
        "--minify",
        "--platform=node",
        "--outfile=dist/main.cjs",
        inside=project,
    )
    assert tells(project / "dist/main.cjs", node22, server)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if not is_installed():
        pytest.skip("needs chromium and chromedriver")
    with Browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


BUNDLERS = {
    "vite-react": ["vite", "build"],
    "webpack-web": ["webpack", "-c", "webpack.config.cjs", "--fail-on-warnings"],
    "esbuild": ["esbuild", "page.js", "--bundle", "--minify", "--outfile=dist/page.js"],
}


@pytest.mark.parametrize("project", BUNDLERS)
def test_a_web_bundle_runs_in_chromium(
    project: str, projects: Path, browser: Browser, pages: str, server: RunningServer
) -> None:
    """And sends a stream over HTTP/1.1, which Chromium itself refuses to."""
    name, *arguments = BUNDLERS[project]
    tool(projects, name, *arguments, inside=projects / project)
    page = projects / project / "dist/index.html"
    if not page.exists():
        shutil.copy(projects / "page.html", page)
    assert not [file for file in page.parent.rglob("*.js") if b"node:http" in file.read_bytes()]
    browser.open(f"{pages}/{project}/dist/index.html?api={server.url}")
    browser.wait(lambda: browser.text("body") not in ("", "…"), message="an end of the story")
    assert browser.text("body") == STORY
    assert browser.complaints() == []
