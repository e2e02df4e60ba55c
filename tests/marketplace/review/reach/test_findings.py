"""The form of what is kept, and what is new in it."""

import pytest

from marketplace.review.reach.findings import MAX_FINDINGS, MAX_QUOTE, Finding, new_findings, quote, report_of
from tests.marketplace.review.reach.looking import look_at

SECRET = "q8Zr2LmX0vTb7KsYd4Wn1Pj6"


def finding(line: int = 1, *, what: str = "x", severity: str = "low", kind: str = "network") -> Finding:
    return Finding(file="a.js", line=line, column=1, kind=kind, severity=severity, what=what)


def test_a_report_has_exactly_its_fields() -> None:
    report = look_at("\n  eval(x)")
    assert report == {
        "version": 1,
        "complete": True,
        "reason": "",
        "files": 1,
        "unparsed": [],
        "findings": [
            {
                "file": "main.js",
                "line": 2,
                "column": 3,
                "kind": "code_from_text",
                "severity": "high",
                "what": "eval runs text as code, which is put together at run time.",
            }
        ],
    }


def test_a_flood_of_what_is_harmless_hides_nothing() -> None:
    flood = [finding(line, what=f"{line}") for line in range(1, 1000)]
    report = report_of([*flood, finding(2000, severity="high")], files=1, unparsed=[], reasons=[])
    assert len(report["findings"]) == MAX_FINDINGS
    assert report["findings"][0]["severity"] == "high"
    assert (report["complete"], report["reason"]) == (False, "There is more than the 200 findings that are kept.")


def test_of_one_wording_a_few_are_kept() -> None:
    report = report_of([finding(line) for line in range(1, 500)], files=1, unparsed=[], reasons=[])
    assert [one["line"] for one in report["findings"]] == list(range(1, 11))
    assert report["complete"]


@pytest.mark.parametrize(
    "code",
    [
        "el.innerHTML = await answer.text()",
        "el['inner' + 'HTML'] = `<b>${name}</b>`",
        "el.insertAdjacentHTML('beforeend', atob(data))",
        "const part = <div dangerouslySetInnerHTML={{__html: text}} />",
    ],
)
def test_markup_of_unknown_text_is_told_quietly(code: str) -> None:
    found = [one for one in look_at(code)["findings"] if one["kind"] == "code_from_text"]
    assert [(one["severity"], one["what"]) for one in found] == [
        ("low", "Markup that is put together at run time goes into the page.")
    ]


def test_what_has_moved_is_not_new() -> None:
    live = look_at("eval(x)")
    update = look_at("\n\n\neval(x)\nfetch('https://a.example')")
    assert [one["kind"] for one in new_findings(update, live)] == ["network"]
    assert new_findings(update, update) == []
    assert new_findings(update, None) == []


@pytest.mark.parametrize(
    "code",
    [
        f"const apiKey = '{SECRET}'; eval(apiKey)",
        f"eval('{SECRET}')",
        f"fetch('https://a.example/x?key={SECRET}')",
        f"fetch('https://joe:{SECRET}@a.example/x')",
        f"fetch(address + '{SECRET}')",
        f"window['{SECRET}' + x]",
        f"location.href = 'javascript:go(\"{SECRET}\")'",
        f"el.innerHTML = '<script>go(\"{SECRET}\")</script>'",
        f"x.setRequestHeader('Authorization', 'Bearer {SECRET}')",
        f"setTimeout('go(\"{SECRET}\")')",
        "const k = 'AKIA' + 'Q8ZR2LMX0VTB7KSY'; window[k + x]",
    ],
)
def test_a_credential_is_never_quoted(code: str) -> None:
    findings = look_at(code)["findings"]
    assert findings
    for one in findings:
        assert SECRET not in one["what"]
        assert SECRET[:12] not in one["what"]
        assert "AKIAQ8" not in one["what"]


def test_a_quote_is_short_and_shows_what_is_hidden() -> None:
    assert quote("a\u202eb\n  c") == "a⟨U+202E⟩b c"
    assert len(quote("word " * 100)) == MAX_QUOTE


@pytest.mark.parametrize(
    ("code", "severity"),
    [
        ("fetch('https://a.example')", "medium"),
        ("fetch('/api/x')", "low"),
        ("fetch('http://a.example')", "high"),
        ("fetch('https://203.0.113.7/x')", "high"),
        ("fetch('https://x.ngrok.io/x')", "high"),
        ("fetch('http://localhost:8000/x')", "medium"),
    ],
)
def test_how_severe_a_request_is_follows_from_where_it_goes(code: str, severity: str) -> None:
    assert [one["severity"] for one in look_at(code)["findings"]] == [severity]


def test_what_code_imports_is_code_whatever_its_name() -> None:
    report = look_at("import './data.bin'; import './style.css'", data__bin=b"eval(x)", style__css=b"a{}")
    assert [(one["file"], one["kind"]) for one in report["findings"]] == [("data.bin", "code_from_text")]
    page = look_at("<script src=x.txt></script>", name="main.html", x__txt=b"eval(x)")
    assert [one["file"] for one in page["findings"]] == ["x.txt"]
    assert look_at("eval(x)", name="plugin.dat")["findings"]  # the entrypoint


def test_a_webassembly_module_is_said_to_be_unread() -> None:
    report = look_at("1", module__wasm=b"\0asm\1\0\0\0")
    assert [(one["file"], one["kind"]) for one in report["findings"]] == [("module.wasm", "code_from_text")]


def test_an_unused_permission_is_told_only_where_all_was_seen() -> None:
    code = "export function activate(adiuva) { adiuva.tasks.list(); }"
    report = look_at(code, permissions=["read:tasks", "write:notes"])
    assert [(one["kind"], one["severity"]) for one in report["findings"]] == [("permission_unused", "low")]
    hidden = look_at(code + "\nadiuva[x].list()", permissions=["write:notes", "read:tasks"])
    assert [one["kind"] for one in hidden["findings"]] == ["permission_undeclared"]
    other = look_at(
        "export function activate(adiuva) { adiuva.notes.on('x', go); keep(adiuva.calendar); }",
        permissions=["read:notes", "write:calendar", "read:tasks"],
    )
    assert [one["what"] for one in other["findings"]] == ["read:tasks is declared and never used."]
    elsewhere = look_at("export const go = (box) => box.app.notes.create({})", permissions=["write:notes"])
    assert elsewhere["findings"] == []
