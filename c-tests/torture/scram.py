"""The server's side of SCRAM-SHA-256, whose messages depend on the client's nonce."""

import base64
import hashlib
import hmac

SALT, ITERATIONS, NONCE = b"0123456789abcdef", 4096, "server-nonce"


def _hmac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


class ScramServer:
    """Makes the server's messages for one login. The client's proof is not checked: the client is what is tested."""

    _keys = {}

    def __init__(self, password):
        if password not in self._keys:
            salted = hashlib.pbkdf2_hmac("sha256", password.encode(), SALT, ITERATIONS)
            self._keys[password] = _hmac(salted, "Server Key")
        self.key = self._keys[password]
        self.first = self.bare = ""
        self.last = b""

    def client_sent(self, body):
        """Takes the body of a SASL message of the client."""
        self.last = body

    def continued(self):
        """The data of AuthenticationSASLContinue."""
        text = self.last.partition(b"\0")[2][4:].decode("latin-1")
        self.bare = text.split(",", 2)[2] if text.count(",") >= 2 else text
        nonce = self.bare.rpartition("r=")[2]
        self.first = f"r={nonce}{NONCE},s={base64.b64encode(SALT).decode()},i={ITERATIONS}"
        return self.first.encode("latin-1")

    def final(self):
        """The data of AuthenticationSASLFinal."""
        without_proof = self.last.decode("latin-1").rpartition(",p=")[0]
        signature = _hmac(self.key, f"{self.bare},{self.first},{without_proof}")
        return b"v=" + base64.b64encode(signature)


def live_body(kind, body, scram):
    """The body to send in place of a recorded one."""
    if kind != "R" or len(body) < 4 or scram is None:
        return body
    code = int.from_bytes(body[:4], "big")
    if code == 11:
        return body[:4] + scram.continued()
    if code == 12:
        return body[:4] + scram.final()
    return body
