"""Browser sessions: a signed cookie that names a key by its digest and says until when.

The server keeps nothing. A session ends by its time, by logging out, or with its key: each request looks the key up again.

Cookie value: `<digest>.<expiry, unix s>.<HMAC-SHA256 over both, base64url>`. The digest opens nothing by itself: a key is looked up
by the digest of what is presented.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import Final

COOKIE: Final = "outrider_session"
_CONTEXT: Final = b"outrider session v1"


class Sessions:
    def __init__(self, secret: str | None, lifetime_s: int) -> None:
        material = secret.encode() if secret else secrets.token_bytes(32)
        # a key of its own, so that the same secret may serve other purposes too
        self._key = hmac.new(material, _CONTEXT, hashlib.sha256).digest()
        self.lifetime_s = lifetime_s

    def issue(self, digest: str, now_s: float) -> str:
        """The cookie's value for a key that was presented just now."""
        claim = f"{digest}.{int(now_s) + self.lifetime_s}"
        return f"{claim}.{self._sign(claim)}"

    def digest_of(self, cookie: str, now_s: float) -> str | None:
        """The key's digest, where the cookie is ours and has not expired."""
        claim, _, signature = cookie.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._sign(claim).encode()):
            return None
        digest, _, expiry = claim.partition(".")
        return digest if expiry.isdecimal() and now_s < int(expiry) else None

    def _sign(self, claim: str) -> str:
        return base64.urlsafe_b64encode(hmac.new(self._key, claim.encode(), hashlib.sha256).digest()).rstrip(b"=").decode()
