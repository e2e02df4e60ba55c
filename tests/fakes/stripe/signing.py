import hashlib
import hmac
import time


def signature(body: bytes, secret: str) -> str:
    """The ``Stripe-Signature`` header of a delivery that is made now: docs.stripe.com/webhooks/signature."""
    timestamp = int(time.time())
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"
