"""Whatever is in a file, there is an answer, and what is told of it can be kept."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.review.reach.findings import KINDS, MAX_WHAT, SEVERITIES
from tests.marketplace.review.reach import snippets
from tests.marketplace.review.reach.looking import look_at

_PIECES = st.sampled_from([code for code, _, _ in snippets.SCRIPTS] + [code for _, code, _, _ in snippets.FILES])
_SIGNS = st.sampled_from(
    [*"(){}[]<>`'\"$;,.=+-*/\\\n!?:&|^%#@ aewx01", "${", "=>", "...", "\u202e", "\0", "\ud800", "é"]
)
_CODE = st.one_of(
    st.binary(max_size=400),
    st.lists(_SIGNS, max_size=120).map(lambda signs: "".join(signs).encode("utf-8", "surrogatepass")),
    st.lists(st.one_of(_PIECES, _SIGNS), max_size=6).map(lambda parts: "".join(parts).encode("utf-8", "surrogatepass")),
)


@given(code=_CODE, suffix=st.sampled_from(["js", "ts", "tsx", "jsx", "html", "vue", "svg", "mjs"]))
@settings(max_examples=250, deadline=None)
def test_any_bytes_give_an_answer(code: bytes, suffix: str) -> None:
    report = look_at(code, name=f"main.{suffix}")
    assert report["files"] + len(report["unparsed"]) == 1
    lines = code.count(b"\n") + 1
    for one in report["findings"]:
        assert 1 <= one["line"] <= lines
        assert one["column"] >= 1
        assert one["kind"] in KINDS
        assert one["severity"] in SEVERITIES
        assert len(one["what"]) <= MAX_WHAT
    kept = json.dumps(report, ensure_ascii=False)
    kept.encode("utf-8")  # no half characters, which PostgreSQL refuses
    assert "\\u0000" not in kept


@pytest.mark.thorough
@pytest.mark.parametrize(
    "code",
    [
        "(" * 20_000 + "eval" + ")" * 20_000 + "(x)",
        "[" * 20_000,
        "x(" * 20_000 + "eval(y)" + ")" * 20_000,
        "!" * 50_000 + "eval(x)",
        "'a'+" * 20_000 + "'b'; eval(x)",
        "a?b:" * 10_000 + "eval(x)",
        "{" * 20_000 + "eval(x)" + "}" * 20_000,
        "x=>" * 10_000 + "eval(x)",
        "`${" * 5_000 + "eval(x)" + "}`" * 5_000,
        "let o = {...o}; o.x; o = {...o, ...o, ...o}; o[o.y].z; eval(x)",
        "const f = (a) => f(f(f(f(a)))); f(f(f('x'))); eval(x)",
        "const s = 'abcdefgh'.repeat(100000); const t = s + s + s + s; const u = t + t; eval(x)",
        "a.b" * 5_000 + "; eval(x)",
        "f" + ".join()" * 3_000 + "; eval(x)",
    ],
)
def test_deep_and_round_code_is_understood_or_said_not_to_be(code: str) -> None:
    report = look_at(code)
    told = {(one["kind"], one["severity"]) for one in report["findings"]}
    assert ("code_from_text", "high") in told or not report["complete"]
