"""The structure in numbers (docs/architecture.md): how many modules a folder holds, and who imports whom."""

from collections import Counter

from tests.repository.modules import circles, importers, product_modules

MOST_IN_A_FOLDER = 20
MOST_LINES = 400
SMALL_LINES = 60

# What every app or noun has under one name, however small it is there.
CONVENTIONAL = ("ops", "dashboard", "erasure", "export", "urls", "views", "serializers", "openapi", "jobs", "factory")
# Other small modules that a single one imports, and why each stands alone.
ALONE: dict[str, str] = {
    "chat.speculation": "LLM_SPECULATE, found by its name: two tasks at once, apart from the order of a turn",
    "adiuva.broadcast.memory": "an adapter beside Redis's, which knows nothing of who chooses",
    "accounts.keys.prelogin": "the made-up answer, and why nobody can tell it from a real one, found by its name",
    "accounts.factors.attempts": "how long guessing a code takes is a rule of its own, with its figure",
    "accounts.factors.reauthentication": "what makes a session fresh, found by its name",
    "accounts.models.exports": "a table of its own beside the others",
    "storage.models.epochs": "a table of its own beside the others",
    "accounts.restores": "what a restore means to accounts is a rule of its own, found by its name",
    "accounts.admin.security": "what happened to accounts is looked at, apart from what staff do for them",
    "adiuva.admin_site": "what the admin looks like, which knows no account; the settings name it too",
    "adiuva.server.cors": "the settings import it: headers alone, apart from who may open a WebSocket",
    "adiuva.server.origins": "who may open a WebSocket is a rule of its own, found by its name",
    "adiuva.server.request_traces": "a wrapper that is there only where traces are wanted, apart from the metrics'",
    "backups.upload_target": "what resumable uploads ask of backups: a target that storage knows by a port",
    "billing.revenue.disputes": "what an operator hears of one, apart from what is booked of it",
    "billing.revenue.events": "what billing hears of at its own hooks, found by its name",
    "billing.stripe.money_events": "the readers of events: no handler looks into a payload itself",
    "adiuva.db.pool": "the settings import it, so it must not load the database backend",
    "billing.stripe.charges": "dj-stripe stays in here: who searches for a charge is the admin of plugins",
    "billing.stripe.pages": "where Stripe sends a browser back to, production included; the stub is not there then",
    "storage.records.cursors": "what a cursor holds and how it is sealed is a rule of its own, found by its name",
    "billing.stripe.stub.pdf": "a file format, which knows nothing of invoices",
    "storage.vectors.admission": "how much memory one user's requests may take is a rule of its own",
}


def test_no_folder_holds_more_than_twenty_modules() -> None:
    folders = Counter(path.parent for path in product_modules().values() if path.name != "__init__.py")
    assert {str(folder): many for folder, many in folders.items() if many > MOST_IN_A_FOLDER} == {}


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circles() == []


def test_no_module_is_longer_than_four_hundred_lines() -> None:
    lines = {name: len(path.read_text().splitlines()) for name, path in product_modules().items()}
    assert {name: many for name, many in lines.items() if many > MOST_LINES} == {}


def test_a_small_module_has_a_reason_of_its_own() -> None:
    """One that a single other one imports belongs into that one, unless it keeps a dependency out."""
    small = {
        name
        for name, path in product_modules().items()
        if path.stem not in ("__init__", *CONVENTIONAL)
        and len(path.read_text().splitlines()) < SMALL_LINES
        and len(importers(name)) == 1
    }
    assert small - ALONE.keys() == set()
    assert ALONE.keys() - small == set()
