//! OAuth: hooks and the built-in device flow, with PostgreSQL 18, its test validator and a test issuer.

mod behaviours;
mod device;
mod exchange;
mod hooks;
mod issuer;
mod proxy;
mod trust;

use std::sync::OnceLock;

use crate::support::paths::{self, Lib};
use crate::support::postgres::{Postgres, Version};
use crate::support::process::{self, Output};
use crate::support::program::Program;
use crate::support::valgrind;
use crate::tls::certificates::Certificates;
use issuer::Issuer;

/// The server and the issuer that all tests share.
pub struct Setup {
    server: Postgres,
    issuer: Issuer,
}

/// The scope that the server asks for.
const SCOPE: &str = "openid postgres";

impl Setup {
    pub fn shared() -> &'static Setup {
        static SETUP: OnceLock<Setup> = OnceLock::new();
        SETUP.get_or_init(Setup::start)
    }

    fn start() -> Setup {
        let validator = paths::cache().join("build/src/test/modules/oauth_validator/validator");
        let config = format!("oauth_validator_libraries = '{}'", validator.display());
        let server = Postgres::start(Version::Oracle18, &config);
        let issuer = Issuer::start(behaviours::ALL);
        let (mut roles, mut hba) = (String::new(), String::new());
        for (name, _) in behaviours::ALL {
            roles += &format!("CREATE ROLE \"{name}\" LOGIN;\n");
            let uri = format!("https://127.0.0.1:{}/{name}", issuer.port);
            hba += &format!("local all \"{name}\" oauth issuer=\"{uri}\" scope=\"{SCOPE}\"\n");
        }
        server.psql("postgres", &roles);
        server.prepend_hba(&hba);
        Setup { server, issuer }
    }

    /// A connection string for the role that belongs to an issuer.
    pub fn conninfo(&self, name: &str) -> String {
        let server = self.server.unix("postgres");
        let server = server.replace("user=postgres", &format!("user={name}"));
        format!(
            "{server} oauth_issuer={} oauth_client_id=me",
            self.uri(name)
        )
    }

    /// The issuer's identifier.
    pub fn uri(&self, name: &str) -> String {
        format!("https://127.0.0.1:{}/{name}", self.issuer.port)
    }

    /// Runs the program with `lib` and returns its output without the parts that vary between runs or HTTP clients.
    pub fn run(&self, lib: Lib, program: &str, args: &[&str], env: &[(&str, &str)]) -> Output {
        let ca_file = Certificates::shared().file("root.crt");
        // libpq 18 accepts a CA file only in debug mode.
        let usual = [
            ("PGOAUTHDEBUG", "UNSAFE"),
            ("PGOAUTHCAFILE", ca_file.as_str()),
        ];
        self.run_in(lib, program, args, &[&usual, env].concat())
    }

    /// As [`Setup::run`], but with only `env` in the environment.
    pub fn run_in(&self, lib: Lib, program: &str, args: &[&str], env: &[(&str, &str)]) -> Output {
        let mut output = Program::new(program).run(lib, args, env);
        output.stdout = self.tidy(&output.stdout);
        output.stderr = self.tidy(&output.stderr);
        output
    }

    fn tidy(&self, text: &str) -> String {
        // Under valgrind, times prove nothing.
        let text = &match valgrind::is_wanted() {
            true => text.replace("waited: yes", "waited: no"),
            false => text.to_owned(),
        };
        let own = ["[libcurl] ", "[http] ", "[libpq] "];
        let lines = text
            .lines()
            .filter(|line| !own.iter().any(|o| line.starts_with(o)));
        let text: String = lines
            .map(|line| format!("{}\n", without_details(line)))
            .collect();
        text.replace(&format!(":{}", self.issuer.port), ":PORT")
            .replace(
                &*self.server.socket_directory().to_string_lossy(),
                "DIRECTORY",
            )
            .replace(&format!(".{}\"", self.server.port()), ".PORT\"")
    }

    /// Compares the output of `oauth HOW` with both libraries, connecting as `name` with more options.
    #[track_caller]
    pub fn same(&self, how: &str, name: &str, options: &str) -> Output {
        self.same_with(how, name, options, &[])
    }

    #[track_caller]
    pub fn same_with(&self, how: &str, name: &str, options: &str, env: &[(&str, &str)]) -> Output {
        let conninfo = self.conninfo(name);
        let run = |lib| self.run(lib, "oauth", &[&conninfo, how, options], env);
        let (oracle, ours) = (run(Lib::Oracle), run(Lib::Ours));
        let difference = process::diff("oracle", &oracle.to_string(), "ours", &ours.to_string());
        assert!(
            difference.is_empty(),
            "{how} {name} {options}\n{difference}"
        );
        ours.success()
    }
}

/// Removes the detail that the HTTP client adds to an error text.
fn without_details(line: &str) -> String {
    const KINDS: [&str; 10] = [
        "Couldn't resolve proxy name",
        "Failure when receiving data from the peer",
        "Couldn't connect to server",
        "SSL peer certificate or SSH remote key was not OK",
        "Server returned nothing (no headers, no data)",
        "Transferred a partial file",
        "Unsupported protocol",
        "URL using bad/illegal format or missing URL",
        "Weird server reply",
        "Problem with the SSL CA cert (path? access rights?)",
    ];
    // In the program's output an error text ends at the end of the line.
    if let Some(at) = line.find(" (libcurl: ") {
        return format!("{}\\n\"", &line[..at]);
    }
    for kind in KINDS {
        if let Some(at) = line.find(&format!("{kind} (")) {
            return format!("{}\\n\"", &line[..at + kind.len()]);
        }
    }
    line.to_owned()
}
