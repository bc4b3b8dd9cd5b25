//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::address::{Listen, Server};
use crate::tls::Mode;

/// Gives any PostgreSQL a GoAway: clients that asked for it are told to reconnect elsewhere before the server goes.
///
/// SIGTERM drains, then exits: 0 when every client left by itself, 3 when some were ended. A second SIGTERM ends all
/// sessions at once. SIGUSR1 tells all clients and goes on serving. SIGHUP reads the certificates again. When the server begins a smart shutdown, its clients
/// are told.
#[derive(Debug, Parser)]
#[command(
    version,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub serve: Option<Serve>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Commands a running proxy through its control socket
    Ctl {
        /// The control socket
        #[arg(long, value_name = "PATH", default_value = "/run/goaway-proxy/control")]
        control: PathBuf,
        #[command(subcommand)]
        order: Order,
    },
}

#[derive(Debug, Subcommand)]
pub enum Order {
    /// Tells all clients, or the one whose backend has this process ID, to disconnect when convenient
    Goaway { pid: Option<i32> },
    /// Drains as SIGTERM does
    Drain,
    /// Prints who is connected, as JSON
    Status,
}

#[derive(Debug, Args)]
pub struct Serve {
    /// Where to listen: HOST:PORT, [IPv6]:PORT, or a directory for a Unix socket; can be repeated
    #[arg(long, value_name = "ADDRESS", required = true)]
    pub listen: Vec<Listen>,
    /// The server: HOST:PORT, [IPv6]:PORT, or DIRECTORY:PORT for its Unix socket
    #[arg(long, value_name = "ADDRESS", required = true)]
    pub server: Server,
    /// The port in the name of a Unix socket to listen at
    #[arg(long, default_value_t = 5432)]
    pub port: u16,
    /// Who may connect to a Unix socket to listen at: its mode, in octal
    #[arg(long, value_name = "MODE", default_value = "0700", value_parser = mode)]
    pub socket_mode: u32,
    /// Make a control socket here, for this user alone
    #[arg(long, value_name = "PATH")]
    pub control: Option<PathBuf>,
    /// The time each of the server's addresses has to answer, in seconds, TLS included; then the next is tried
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub connect_timeout: Duration,
    /// Close connections on which no session has been asked for after this many seconds, or whose server has not opened it
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub startup_timeout: Duration,
    /// Tell clients within this many seconds, in random order
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub spread: Duration,
    /// In a drain, end idle sessions this many seconds after the last client was told
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub grace: Option<Duration>,
    /// In a drain, end all sessions after this many seconds, idle ones first
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub deadline: Option<Duration>,
    /// In a drain, go on listening and refuse with "the database system is shutting down", instead of not listening
    #[arg(long)]
    pub refuse: bool,
    /// Tell clients that did not ask by the parameter disconnect_requested
    #[arg(long)]
    pub parameter_status: bool,
    /// Put the client's address behind the application_name that the server is told, as PgBouncer does
    #[arg(long)]
    pub application_name_add_host: bool,
    /// Let clients in to a server's Unix socket, where it takes them all for the user that runs this proxy
    #[arg(long)]
    pub trust_local: bool,
    /// Offer TLS to TCP clients, with the chain of certificates in this PEM file
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The key of that certificate, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Whether to speak TLS with the server, and what its certificate must be
    #[arg(long, value_enum, value_name = "MODE", default_value_t = Mode::Disable)]
    pub server_tls: Mode,
    /// Trust the certificates in this PEM file to speak for the server, instead of the system's
    #[arg(long, value_name = "FILE")]
    pub server_ca: Option<PathBuf>,
    /// Serve figures for Prometheus here
    #[arg(long, value_name = "HOST:PORT")]
    pub metrics: Option<String>,
    /// Do not watch the server for a shutdown
    #[arg(long)]
    pub no_watch: bool,
    /// Look at the server this often, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    pub watch_interval: Duration,
    /// The user to look at the server as; no password is given
    #[arg(long, value_name = "USER", default_value = "postgres")]
    pub watch_user: String,
    /// Let another proxy listen at the same place, to take over
    #[arg(long)]
    pub reuse_port: bool,
    /// How many threads relay
    #[arg(long, default_value_t = 1)]
    pub threads: usize,
    /// How the log on standard error looks
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    Duration::try_from_secs_f64(number).map_err(|error| error.to_string())
}

fn mode(text: &str) -> Result<u32, String> {
    let digits = text.strip_prefix("0o").unwrap_or(text);
    match u32::from_str_radix(digits, 8) {
        Ok(mode) if mode <= 0o777 => Ok(mode),
        _ => Err("not a mode between 0 and 0777".to_owned()),
    }
}

impl Serve {
    /// What cannot work, or would let in whom the server means to keep out.
    pub fn complaint(&self) -> Option<&'static str> {
        if matches!(self.server, Server::Unix(_)) && !self.trust_local {
            return Some(
                "at its Unix socket the server would take every client for the user that runs this proxy, whom it may let \
                 in as a superuser: say --trust-local if that is meant",
            );
        }
        if self.server_tls != Mode::Disable && matches!(self.server, Server::Unix(_)) {
            return Some("a server has no TLS at its Unix socket: --server-tls is for TCP");
        }
        if self.server_ca.is_some() && !self.server_tls.verifies() {
            return Some("--server-ca needs --server-tls verify-ca or verify-full");
        }
        (self.threads == 0).then_some("--threads must not be 0")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn serve(arguments: &[&str]) -> Serve {
        let all = ["goaway-proxy"].iter().chain(arguments);
        Arguments::try_parse_from(all).unwrap().serve.unwrap()
    }

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn clients_do_not_become_another_user_by_accident() {
        for listen in ["h:1", "/tmp"] {
            let unix = ["--listen", listen, "--server", "/run/postgresql:5432"];
            assert!(serve(&unix).complaint().is_some(), "{listen}");
            let meant = [&unix[..], &["--trust-local"]].concat();
            assert!(serve(&meant).complaint().is_none(), "{listen}");
        }
        let tcp = ["--listen", "/tmp", "--server", "h:1"];
        assert!(serve(&tcp).complaint().is_none());
    }

    #[test]
    fn modes_are_octal() {
        let basis = ["--listen", "/tmp", "--server", "h:1"];
        assert_eq!(serve(&basis).socket_mode, 0o700);
        assert_eq!(mode("0777"), Ok(0o777));
        assert_eq!(mode("0o660"), Ok(0o660));
        for bad in ["", "8", "1777", "-1", "rwx"] {
            assert!(mode(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn options_of_tls_belong_together() {
        let with = |more: &[&'static str]| {
            let basis = ["--listen", "h:1", "--server", "h:2"];
            [&basis[..], more].concat()
        };
        let all = ["goaway-proxy"].into_iter();
        for half in ["--tls-cert", "--tls-key"] {
            let arguments = all.clone().chain(with(&[half, "f"]));
            assert!(Arguments::try_parse_from(arguments).is_err(), "{half}");
        }
        let whole = ["--tls-cert", "c", "--tls-key", "k"];
        assert!(serve(&with(&whole)).complaint().is_none());
        let unchecked = ["--server-ca", "f", "--server-tls", "require"];
        assert!(serve(&with(&unchecked)).complaint().is_some());
        let checked = ["--server-ca", "f", "--server-tls", "verify-ca"];
        assert!(serve(&with(&checked)).complaint().is_none());
        let unix = ["--listen", "/tmp", "--server", "/tmp:1", "--trust-local"];
        let encrypted = [&unix[..], &["--server-tls", "prefer"]].concat();
        assert!(serve(&encrypted).complaint().is_some());
    }

    #[test]
    fn seconds_have_fractions() {
        let arguments = ["--listen", "h:1", "--server", "h:2", "--spread", "0.5"];
        assert_eq!(serve(&arguments).spread, Duration::from_millis(500));
        assert!(seconds("-1").is_err());
    }
}
