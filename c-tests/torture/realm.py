"""A Kerberos realm with a KDC on loopback."""

import os
import shutil
import socket
import subprocess

from cluster import free_port, service_user, wait_for

PASSWORD = "a ticket, please"
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
TOOLS = ["kdb5_util", "kadmin.local", "krb5kdc", "kinit", "kvno"]

CLIENT = """
[libdefaults]
default_realm = TORTURE.TEST
dns_lookup_realm = false
dns_lookup_kdc = false
dns_canonicalize_hostname = false
rdns = false
[realms]
TORTURE.TEST = {{
 kdc = 127.0.0.1:{port}
}}
"""
SERVER = """
[kdcdefaults]
kdc_listen = 127.0.0.1:{port}
kdc_tcp_listen = 127.0.0.1:{port}
[realms]
TORTURE.TEST = {{
 database_name = {directory}/principal
 key_stash_file = {directory}/stash
 acl_file = {directory}/acl
}}
[logging]
kdc = FILE:{directory}/kdc.log
"""


def missing():
    """The programs that are not installed."""
    return [tool for tool in TOOLS if not shutil.which(tool, path=PATH)]


class Realm:
    """`keytab` is the server's; `environment` has what clients need to be alice."""

    def __init__(self, workspace):
        self.directory = workspace.directory / "realm"
        self.directory.mkdir()
        if user := service_user():
            os.chown(self.directory, user["user"], user["group"])
        self.port = free_port()
        for name, text in (("krb5.conf", CLIENT), ("kdc.conf", SERVER)):
            (self.directory / name).write_text(text.format(port=self.port, directory=self.directory))
        self.keytab = self.directory / "keytab"
        self.environment = {
            "KRB5_CONFIG": str(self.directory / "krb5.conf"),
            "KRB5CCNAME": str(workspace.directory / "tickets"),
        }
        self._run("kdb5_util", "create", "-s", "-P", PASSWORD)
        for question in (
            "addprinc -randkey postgres/localhost",
            f'addprinc -pw "{PASSWORD}" alice',
            f"ktadd -k {self.keytab} postgres/localhost",
        ):
            self._run("kadmin.local", "-q", question)
        self.kdc = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", shutil.which("krb5kdc", path=PATH), "-n"],
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            **service_user(),
        )
        workspace.callback(self._stop)
        wait_for("the KDC", self._answers)
        environment = {**os.environ, **self.environment}
        subprocess.run(["kinit", "alice"], input=f"{PASSWORD}\n", text=True, env=environment, check=True, capture_output=True)

    def _stop(self):
        self.kdc.kill()
        self.kdc.wait()

    def _environment(self):
        return {"PATH": PATH, "KRB5_CONFIG": self.environment["KRB5_CONFIG"], "KRB5_KDC_PROFILE": str(self.directory / "kdc.conf")}

    def _run(self, *command):
        subprocess.run(command, env=self._environment(), cwd="/", check=True, capture_output=True, **service_user())

    def _answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            return True
        except OSError:
            return False
