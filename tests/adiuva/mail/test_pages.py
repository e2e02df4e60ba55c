"""``/dev/mail``: the files of a development server, and only of one."""

import os
import stat
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from adiuva.jobs import get_queue
from adiuva.mail.backends import files
from adiuva.mail.kinds import MailKind
from adiuva.mail.outbox import send_mail

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.MAIL_DIR = tmp_path / "mail"
    settings.EMAIL_BACKEND = "adiuva.mail.backends.files.FileBackend"
    return Path(settings.MAIL_DIR)


def send(name: str, kind: MailKind = MailKind.NEW_DEVICE) -> None:
    facts = {"user_agent": "<script>alert(1)</script>", "ip": "192.0.2.1"}
    send_mail(kind, to=f"{name}@example.com", locale="de", account_id=uuid.uuid4(), facts=facts)
    get_queue().drain()


def test_a_file_is_its_owners_and_whole(folder: Path) -> None:
    os.umask(before := os.umask(0))
    try:
        os.umask(0)
        send("ada")
    finally:
        os.umask(before)

    [file] = folder.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert files.list_files()[0].read()["To"] == "ada@example.com"


def test_the_newest_files_are_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_FILES", 2)
    for name in ("ada", "bob", "eve"):
        send(name)

    assert [file.read()["To"] for file in files.list_files()] == ["eve@example.com", "bob@example.com"]


def test_the_page_lists_mails_newest_first_and_shows_each(folder: Path) -> None:
    client = Client()
    assert "Nothing has been sent yet" in client.get("/dev/mail").content.decode()
    send("ada")
    send("bob")
    listed = client.get("/dev/mail").content.decode()
    assert 0 < listed.index("bob@example.com") < listed.index("ada@example.com")

    [bob, _] = files.list_files()
    shown = client.get(f"/dev/mail/{bob.mail}")
    assert "Neue Anmeldung bei Ihrem Konto" in shown.content.decode()
    assert "Guten Tag!" in shown.content.decode()
    assert "<script>alert" not in shown.content.decode()
    assert "frame-src 'self'" in shown["Content-Security-Policy"]


def test_a_mails_html_can_do_nothing_but_open_links(folder: Path) -> None:
    send("ada")
    [ada] = files.list_files()
    answer = Client().get(f"/dev/mail/{ada.mail}/html")

    policy = answer["Content-Security-Policy"]
    assert "sandbox allow-popups allow-popups-to-escape-sandbox" in policy
    assert "allow-scripts" not in policy
    assert "default-src 'none'" in policy
    assert answer["X-Frame-Options"] == "SAMEORIGIN"
    assert '<base target="_blank">' in answer.content.decode()


@pytest.mark.parametrize("name", ["", f"/{uuid.uuid4()}", f"/{uuid.uuid4()}/html"])
def test_there_is_no_page_where_mails_are_no_files(folder: Path, settings: Any, name: str) -> None:
    settings.EMAIL_BACKEND = "adiuva.mail.backends.smtp.SmtpBackend"
    assert Client().get(f"/dev/mail{name}").status_code == 404

    settings.EMAIL_BACKEND = "adiuva.mail.backends.files.FileBackend"
    settings.IS_PROD = True
    assert Client().get(f"/dev/mail{name}").status_code == 404


def test_what_is_no_mail_of_ours_is_passed_by(folder: Path) -> None:
    folder.mkdir()
    (folder / "notes.eml").write_text("not ours")
    send("ada")

    assert len(files.list_files()) == 1
    assert Client().get("/dev/mail").status_code == 200
    assert Client().post("/dev/mail").status_code == 405
