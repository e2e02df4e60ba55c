"""The chapter of a way back in: mailed tokens, codes, a second factor, keys, and a mail server that fails."""

import re
import time
from email.message import EmailMessage

import httpx
import pyotp

from tests.fakes.smtp_server import SmtpServer
from tests.flows.canary_scenario import Life
from tests.support import canaries
from tests.support.mailbox import token_in
from tests.support.vault import derive, envelope, new_kdf

MAIL_SECONDS = 120


def a_way_back_in(life: Life, mail: SmtpServer) -> None:
    email, password = f"{canaries.new()}@example.com", canaries.new("Pass/")
    forged = canaries.new(characters=64)
    kdf = new_kdf()
    derived = derive(password, kdf)
    life.private["recovering address"] = email.partition("@")[0]
    life.secret |= {"derived from": password, "login secret": derived.login_secret, "forged token": forged}
    life.secret |= {"wrapping key": derived.wrapping_key.hex()}
    sealed = envelope("password", "main", wrapping_key=derived.wrapping_key, master_key=b"m" * 32)
    with life.client() as client:
        body = {"email": email, "password": derived.login_secret, "kdf": kdf, "envelopes": [sealed]}
        tokens = client.post("auth/register", json=body).json()
        verification = _token_of_mail(life, mail, to=email)
        for path in ("verify", "reset", "email"):
            page = httpx.get(f"{life.server.url}/account/{path}?token={verification}", timeout=30)
            assert page.status_code in ({200} if path == "verify" else {200, 400, 410})
            wrong = httpx.get(f"{life.server.url}/account/{path}?token={forged}", timeout=30)
            life.refusals.append(wrong.text.replace(f'value="{forged}"', ""))
        life.assert_refused(client.post("auth/email/verify", json={"token": forged}), 400)
        assert client.post("auth/email/verify", json={"token": verification}).status_code == 204
        life.assert_refused(client.post("auth/email/verify", json={"token": verification}), 400)

        client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        made = client.post("auth/factors/totp", json={"name": "phone"}).json()
        life.secret["TOTP secret"] = made["secret"]
        life.assert_refused(client.post(f"auth/factors/{made['id']}/confirm", json={"code": forged}), 400)
        code = pyotp.TOTP(made["secret"]).now()
        codes = client.post(f"auth/factors/{made['id']}/confirm", json={"code": code}).json()["recovery_codes"]
        for number, one in enumerate(codes):
            life.secret[f"recovery code {number}"] = one
            life.secret[f"recovery code {number} without its groups"] = re.sub(r"[^A-Za-z0-9]", "", one)
        life.assert_refused(client.post("auth/reauthenticate", json={"password": forged}), 400)
        life.assert_refused(client.put("keys/envelopes/password/main", json=sealed | {"checksum": forged}), 400)
        del client.headers["Authorization"]

        mail.answers["RCPT"] = f"451 {email} is not there yet"
        assert client.post("auth/password/reset", json={"email": email}).status_code == 202
        _wait_for_refusal(life, mail, to=email)  # the first try fails, and quotes the address
        mail.answers.clear()
        # The next try is the job's, after a pause; another request does not wait for it.
        assert client.post("auth/password/reset", json={"email": email}).status_code == 202
        reset = _token_of_mail(life, mail, to=email)
        new_password = canaries.new("New/", unlike=email)
        life.secret["new password"] = new_password
        change = {"token": forged, "new_password": new_password}
        life.assert_refused(client.post("auth/password/reset/confirm", json=change), 400)
        asked = client.post("auth/password/reset/confirm", json=change | {"token": reset})
        life.assert_refused(asked, 403)
        step = {"challenge_id": asked.json()["challenge_id"], "method": "recovery_code"}
        life.assert_refused(client.post("auth/login/second-factor", json=step | {"code": forged}), 401)
        let_in = client.post("auth/login/second-factor", json=step | {"code": codes[0]}).json()
        life.secret["refresh token of a reset"] = let_in["refresh_token"]
        life.assert_refused(client.post("auth/sso/token", json={"code": forged, "code_verifier": forged}), 400, 401)
        life.assert_refused(client.post("auth/passkeys/login", json={"id": forged, "rawId": forged}), 400, 401)


def _wait_for_refusal(life: Life, mail: SmtpServer, *, to: str) -> None:
    deadline = time.monotonic() + MAIL_SECONDS
    while to not in mail.refused:
        assert time.monotonic() < deadline, life.server.log_text()[-3000:]
        time.sleep(0.1)


def _token_of_mail(life: Life, mail: SmtpServer, *, to: str) -> str:
    """Of the next mail with a token that comes."""
    deadline = time.monotonic() + MAIL_SECONDS
    while time.monotonic() < deadline:
        mails = [message for message in mail.messages if to in str(message["To"]) and "token=" in text_of(message)]
        if mails and (token := token_in(mails[-1])) not in life.secret.values():
            life.secret[f"mailed token {len(mails)}"] = token
            return token
        time.sleep(0.1)
    raise AssertionError(f"no mail with a token came: {life.server.log_text()[-3000:]}")


def text_of(message: EmailMessage) -> str:
    part = message.get_body(preferencelist=("plain",))
    assert part is not None
    content: str = part.get_content()
    return content
