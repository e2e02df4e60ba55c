"""What must not be told, or a reviewer stops reading: ordinary code, and what only looks like a credential."""

from typing import Any, Final

import pytest

from marketplace.submissions.packages import SEED_SLUGS, SEEDS_FOLDER, seed_manifest
from tests.marketplace.review.reach.looking import look_at

ORDINARY: Final = [
    "function fetch() {}\nfetch('https://a.example')",
    "function go(fetch) { fetch('https://a.example'); }",
    "const go = ({fetch}) => fetch(1);",
    "import { fetch } from './mine.js';\nfetch(1)",
    "class Repository { fetch() {} load() { this.fetch(); } }",
    "repository.fetch(1); cache.open(2); document.open; dialog.open()",
    "if (typeof fetch === 'function') {}",
    "if (x instanceof Function) {}",
    "const has = 'fetch' in window;",
    "Function.prototype.call.apply(f, [x])",
    "Function.prototype.bind.call(f, x)",
    "x.constructor.name",
    "new this.constructor(1)",
    "this.constructor.from(x)",
    "if (o.constructor === Object) {}",
    "setTimeout(() => go(), 10); setTimeout(go, 10)",
    "setTimeout(this.go.bind(this), 10)",
    "const eval_ = 1; evaluate(eval_)",
    "const o = {eval: 1, fetch: 2, constructor: 3}; o.fetch",
    "items[name] = 1; items[key](); map['a' + b]",
    "import x from './a.js'; import y from 'react'; export * from './b.js'",
    "await import('./lazy.js')",
    "new Worker(new URL('./worker.js', import.meta.url))",
    "const el = document.createElement('div'); el.textContent = 'x';",
    "el.innerHTML = '<b>bold</b>'",
    "const a = document.createElement('a'); a.href = 'https://a.example'",
    "el.setAttribute('class', 'x'); el.setAttribute('one', 'y')",
    "const docs = 'https://a.example/docs'; // a link",
    "<a href='https://a.example'>docs</a>",
    "<button onClick={() => save()}>Save</button>",
    "const link = 'javascript:void(0)'",
    "const image = 'data:image/png;base64," + "iVBORw0KGgo" * 200 + "'",
    "const text = 'caf\\u00e9 \\u2013 \\u201cok\\u201d'",
    "const family = '\U0001f468\u200d\U0001f469\u200d\U0001f467'",
    "const arabic = '\u0645\u0631\u062d\u0628\u0627\u200f'",
    "queue.push(queue.shift()); while (x) { queue.push(queue.shift()); }",
    "const names = ['a', 'b', 'c'].map((name) => name + '!').join(', ')",
    "const id = atob('aGVsbG8=')",
    "String.fromCharCode(65 + n)",
    "const re = /[\\u0000-\\u001f]+/g; label: for (;;) break label;",
    "let location = place.of(x); location = other;",
    "function draw(top, parent, self) { self[name](top); return parent.open; }",
    "const history = []; history.push(1); const process = {env: 1}; process.env",
    "export function activate(adiuva) { return adiuva.settings.get('x'); }",
    "class Cursor { open() {} } new Cursor().open('https://a.example')",
    "type A = typeof fetch;",
    "state.tasks.find((task) => task.id); tasks.list(); state.notes.add(note); this.tasks.push(1)",
    "adiuva.store.set(key, value); adiuva.schedule(10, () => 1)",
]
NO_CREDENTIALS: Final = [
    "const integrity = 'sha384-oqVuAfXRKap7fdgcCY5uykM6+R9GqQ8K/uxy9rx7HNQlGYl1kPzQho1wx4JwY8wC'",
    "const hash = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'",
    "const commit = '9fceb02d0ae598e95dc970b74767f19372d61af8'",
    "const id = 'd9428888-122b-11e1-b85c-61cd3cbb3210'",
    "const apiKey = 'YOUR_API_KEY_1234567890'",
    "const apiKey = '<your-api-key-goes-here-123>'",
    "const token = 'xxxxxxxxxxxxxxxxxxxx1234'",
    "const password = 'changeme123'",
    "const password = 'password'",
    "const passwordField = 'input-password-1'",
    "const labels = {password: 'Your password', token: 'Access token'}",
    "const tokenType = 'Bearer'",
    "const secretName = 'integrations/github/token2'",
    "const tokenUrl = 'https://a.example/oauth2/token?grant=1'",
    "const key = 'ArrowDown'; const storageKey = 'app.settings.v2.theme'",
    "const headers = {Authorization: `Bearer ${token}`}",
    "const headers = {Authorization: 'Bearer ' + token}",
    "x.setRequestHeader('Authorization', 'Bearer YOUR_TOKEN_HERE')",
    "const url = 'https://user:password@example.com/'",
    "const url = `https://${user}:${password}@a.example/`",
    "const secret = await adiuva.settings.secret('token')",
    "const token = process_(input); const csrfToken = 'csrfmiddlewaretoken1'",
    "const o = {'x-api-key': key}",
    "const keys = {publicKey: 'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE'}",
    "const i18n = {key: 'settings.account.password.reset2'}",
    "const authRoute = '/api/v1/auth/login'",
]


@pytest.mark.parametrize("code", [*ORDINARY, *NO_CREDENTIALS])
def test_ordinary_code_is_not_told(code: str) -> None:
    name = "main.tsx" if code.startswith(("<", "type ")) else "main.js"
    assert look_at(code, name=name)["findings"] == []


@pytest.mark.parametrize("slug", SEED_SLUGS)
def test_of_our_own_plugins_nothing_is_told_but_where_they_send(slug: str) -> None:
    files: dict[str, Any] = {
        path.name.replace(".", "__"): path.read_bytes() for path in (SEEDS_FOLDER / slug).glob("*.js")
    }
    main = files.pop("main__js")
    report = look_at(main, permissions=seed_manifest(slug)["permissions"], **files)
    assert report["complete"]
    assert {(one["kind"], one["severity"]) for one in report["findings"]} <= {("network", "medium")}


def test_code_that_asks_and_then_calls_is_told_once() -> None:
    report = look_at("if (window.fetch) {\n  window.fetch('https://a.example');\n}")
    assert [(one["line"], one["what"]) for one in report["findings"]] == [(2, "fetch reaches https://a.example.")]
