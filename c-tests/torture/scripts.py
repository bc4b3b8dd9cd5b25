"""Recorded sessions: what a real server sent, and after which of the client's messages.

A script is a text file in scripts/. Its first lines name the driver's program, the style in which it was recorded and options; then come its
connections. `> Q` is a message of the client, of which only the type is kept. `< Z I` is a message of the server: its type, and its body with
unprintable bytes escaped.
"""

from pathlib import Path

DIRECTORY = Path(__file__).parent / "scripts"


class Script:
    """`connections` is a list of lists of (direction, type, body)."""

    def __init__(self, name, program, style, options="", password="", connections=None):
        self.name, self.program, self.style, self.options, self.password = name, program, style, options, password
        self.connections = connections or []

    def server_messages(self):
        """The positions of the server's messages, as (connection, index)."""
        return [
            (number, index)
            for number, connection in enumerate(self.connections)
            for index, entry in enumerate(connection)
            if entry[0] == "<"
        ]

    def write(self):
        lines = [f"program {self.program}", f"style {self.style}", f"options {self.options}", f"password {self.password}"]
        for connection in self.connections:
            lines.append("connection")
            for direction, kind, body in connection:
                lines.append(f"{direction} {kind} {escape(body)}".rstrip(" ") if body else f"{direction} {kind}")
        (DIRECTORY / f"{self.name}.txt").write_text("\n".join(lines) + "\n", encoding="ascii")


def escape(body):
    """Printable ASCII stays as it is, except backslashes and blanks at the end."""
    text = "".join(chr(b) if 32 <= b < 127 and b != 92 else f"\\x{b:02x}" for b in body)
    return text[:-1] + "\\x20" if text.endswith(" ") else text


def unescape(text):
    return text.encode("ascii").decode("unicode_escape").encode("latin-1")


def message(kind, body):
    """The server's message as bytes."""
    return kind.encode("latin-1") + (len(body) + 4).to_bytes(4, "big") + body


def read(path):
    lines = path.read_text(encoding="ascii").splitlines()
    head = dict((line.split(" ", 1) + [""])[:2] for line in lines[:4])
    script = Script(path.stem, head["program"], head["style"], head["options"], head["password"])
    for line in lines[4:]:
        if line == "connection":
            script.connections.append([])
            continue
        direction, kind, *body = line.split(" ", 2)
        script.connections[-1].append((direction, kind, unescape(body[0]) if body else b""))
    return script


def read_all():
    found = [read(path) for path in sorted(DIRECTORY.glob("*.txt"))]
    if not found:
        raise RuntimeError(f"no scripts in {DIRECTORY}: run record.py")
    return found
