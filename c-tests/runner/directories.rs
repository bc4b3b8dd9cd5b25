//! Connection parameters from an LDAP directory, with a real slapd that runs as a separate user.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::program::same_output;

const CONFIGURATION: &str = "
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
modulepath /usr/lib/ldap
moduleload back_mdb
database mdb
suffix \"dc=example,dc=net\"
";

const ENTRIES: &str = "
dn: dc=example,dc=net
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: cn=good,dc=example,dc=net
objectClass: device
cn: good
description: host=127.0.0.1
description: port = 1
description: user='a \\'b'

dn: cn=bad,dc=example,dc=net
objectClass: device
cn: bad
description: nonsense=1

dn: cn=short,dc=example,dc=net
objectClass: device
cn: short
description: host

dn: cn=none,dc=example,dc=net
objectClass: device
cn: none
";

/// A running slapd; it is stopped when this is dropped.
struct Directory {
    server: Child,
    port: u16,
    files: TempDir,
}

impl Directory {
    fn start() -> Directory {
        let files = TempDir::with_prefix("slapd-").expect("a temporary directory");
        let configuration = files.path().join("slapd.conf");
        let data = files.path().join("data");
        fs::create_dir(&data).expect("create the directory");
        let text = format!("{CONFIGURATION}directory \"{}\"\n", data.display());
        fs::write(&configuration, text).expect("the configuration");
        let entries = files.path().join("entries.ldif");
        fs::write(&entries, ENTRIES).expect("the entries");
        let mut load = Command::new("/usr/sbin/slapadd");
        load.arg("-f").arg(&configuration).arg("-l").arg(&entries);
        assert!(load.status().expect("slapadd").success());
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("the listener's address").port();
        drop(free);
        let mut start = Command::new("/usr/sbin/slapd");
        start.arg("-f").arg(&configuration);
        start.args(["-d", "0", "-h", &format!("ldap://127.0.0.1:{port}")]);
        if is_root() {
            hand_over(files.path());
            start.args(["-u", "openldap", "-g", "openldap"]);
        }
        let server = start.stderr(Stdio::null()).spawn().expect("slapd");
        let directory = Directory {
            server,
            port,
            files,
        };
        directory.wait();
        directory
    }

    fn wait(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < deadline, "slapd does not answer");
            sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn is_root() -> bool {
    let answer = Command::new("id").arg("-u").output().expect("id");
    answer.stdout == b"0\n"
}

fn hand_over(path: &Path) {
    let mut chown = Command::new("chown");
    chown.args(["-R", "openldap:openldap"]).arg(path);
    assert!(chown.status().expect("chown").success());
}

#[test]
fn parameters_from_an_ldap_directory() {
    let directory = Directory::start();
    let url = format!(
        "ldap://127.0.0.1:{}/dc=example,dc=net?description?one?",
        directory.port
    );
    let services = format!(
        "[good]\n{url}(cn=good)\nuser=unread\n[bad]\n{url}(cn=bad)\n[short]\n{url}(cn=short)\n\
         [none]\n{url}(cn=none)\n[many]\n{url}(cn=*)\n[zero]\n{url}(cn=x)\n[filter]\n{url}(cn=\n\
         [nobase]\nldap://127.0.0.1:{}/dc=other?a?base?(cn=x)\n\
         [down]\nldap://127.0.0.1:1/dc=example?a?one?(cn=x)\nhost=127.0.0.1\nport=2\n\
         [url]\nldap://127.0.0.1:1/x\n",
        directory.port
    );
    let file = directory.files.path().join("services");
    fs::write(&file, services).expect("the service file");
    let names = [
        "good", "bad", "short", "none", "many", "zero", "filter", "nobase", "down", "url",
    ];
    let environment = [("PGSERVICEFILE", file.to_str().expect("a path in UTF-8"))];
    let output = same_output("directory", &names, &environment).success();
    let found = "host=127.0.0.1 port=1";
    assert!(output.stdout.contains("user=a 'b"), "{output}");
    assert!(output.stdout.contains(found), "{output}");
}
