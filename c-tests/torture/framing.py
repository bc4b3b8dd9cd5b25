"""Splits byte streams into messages."""

SSL_REQUEST, GSS_REQUEST, CANCEL_REQUEST = 80877103, 80877104, 80877102
FIRST = {SSL_REQUEST: "ssl", GSS_REQUEST: "gss", CANCEL_REQUEST: "cancel"}


class ServerFrames:
    """A server's messages."""

    def __init__(self):
        self.buffer = b""

    def add(self, data):
        self.buffer += data
        while len(self.buffer) >= 5:
            length = int.from_bytes(self.buffer[1:5], "big")
            if len(self.buffer) < length + 1:
                return
            kind, body = chr(self.buffer[0]), self.buffer[5 : length + 1]
            self.buffer = self.buffer[length + 1 :]
            yield kind, body


class ClientFrames(ServerFrames):
    """A client's messages. The first ones have no type."""

    def __init__(self):
        super().__init__()
        self.started = False

    def add(self, data):
        self.buffer += data
        while True:
            offset = 1 if self.started else 0
            if len(self.buffer) < offset + 4:
                return
            length = int.from_bytes(self.buffer[offset : offset + 4], "big")
            end = offset + length
            if len(self.buffer) < end:
                return
            whole, self.buffer = self.buffer[:end], self.buffer[end:]
            if self.started:
                yield chr(whole[0]), whole[5:]
                continue
            kind = FIRST.get(int.from_bytes(whole[4:8], "big"), "startup")
            self.started = kind == "startup"
            yield kind, whole[4:]
