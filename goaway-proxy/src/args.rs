//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::address::{Listen, Server};
use crate::tls::Mode;

/// Relays connections to a PostgreSQL server, and asks clients to disconnect (GoAway) before the server shuts down.
///
/// SIGTERM and SIGINT drain, then exit: with status 0 when all clients disconnected, 3 when the proxy terminated sessions.
/// A second SIGTERM terminates all sessions at once. SIGUSR1 sends GoAway to all clients, and the proxy keeps serving. SIGHUP
/// reloads the TLS certificates. When the server starts a smart shutdown, the proxy sends GoAway to its clients.
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
    /// Send a command to a running proxy through its control socket
    Ctl {
        /// The control socket
        #[arg(long, value_name = "PATH", default_value = "/run/goaway-proxy/control")]
        control: PathBuf,
        #[command(subcommand)]
        command: CtlCommand,
    },
}

#[derive(Debug, Subcommand)]
pub enum CtlCommand {
    /// Ask all clients to disconnect when convenient, or only the client whose backend has this process ID
    Goaway { pid: Option<i32> },
    /// Drain, then exit, as after SIGTERM
    Drain,
    /// Print the state of the proxy and its clients as JSON
    Status,
}

#[derive(Debug, Args)]
pub struct Serve {
    /// Listen on this address: HOST:PORT, [IPv6]:PORT, or a directory for a Unix socket; can be repeated
    #[arg(long, value_name = "ADDRESS", required = true)]
    pub listen: Vec<Listen>,
    /// The upstream server: HOST:PORT, [IPv6]:PORT, or DIRECTORY:PORT for its Unix socket
    #[arg(long, value_name = "ADDRESS", required = true)]
    pub server: Server,
    /// The port number in the names of the Unix sockets that the proxy listens on
    #[arg(long, default_value_t = 5432)]
    pub port: u16,
    /// The file mode of the Unix sockets that the proxy listens on, in octal: it decides who can connect
    #[arg(long, value_name = "MODE", default_value = "0700", value_parser = mode)]
    pub socket_mode: u32,
    /// Create a control socket with this path; only the proxy's own user can connect to it
    #[arg(long, value_name = "PATH")]
    pub control: Option<PathBuf>,
    /// Timeout for connecting to each address of the server, including its TLS handshake, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub connect_timeout: Duration,
    /// Timeout for a client's startup packet, for connecting to the server, and for opening the session, in seconds each
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub startup_timeout: Duration,
    /// Send GoAway to the clients within this many seconds, in random order
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub spread: Duration,
    /// In a drain, terminate idle sessions this many seconds after the end of the spread
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub grace: Option<Duration>,
    /// In a drain, terminate all sessions after this many seconds, idle ones first
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub deadline: Option<Duration>,
    /// In a drain, keep listening and refuse new sessions with "the database system is shutting down"
    #[arg(long)]
    pub refuse: bool,
    /// Send clients that did not request GoAway the parameter status disconnect_requested=on instead
    #[arg(long)]
    pub parameter_status: bool,
    /// Append the client's address to the application_name in the startup packet, as PgBouncer does
    #[arg(long)]
    pub application_name_add_host: bool,
    /// Allow a server's Unix socket, where peer authentication sees all clients as the user that runs the proxy
    #[arg(long)]
    pub trust_local: bool,
    /// Offer TLS to TCP clients, with the certificate chain in this PEM file
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The private key of that certificate, a PEM file
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Whether to use TLS to the server, and how to verify its certificate
    #[arg(long, value_enum, value_name = "MODE", default_value_t = Mode::Disable)]
    pub server_tls: Mode,
    /// The root certificates for --server-tls, a PEM file, instead of the system's
    #[arg(long, value_name = "FILE")]
    pub server_ca: Option<PathBuf>,
    /// Serve Prometheus metrics over HTTP on this address
    #[arg(long, value_name = "HOST:PORT")]
    pub metrics: Option<String>,
    /// Do not probe the server for its health and for a shutdown
    #[arg(long)]
    pub no_watch: bool,
    /// The time between two probes of the server, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    pub watch_interval: Duration,
    /// The user name in the probes; the proxy sends no password
    #[arg(long, value_name = "USER", default_value = "postgres")]
    pub watch_user: String,
    /// Share the listen addresses with another goaway-proxy, for a rolling restart
    #[arg(long)]
    pub reuse_port: bool,
    /// The number of threads
    #[arg(long, default_value_t = 1)]
    pub threads: usize,
    /// The format of the log on standard error
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
    /// Refuses options that cannot work together, and options that would bypass the server's authentication.
    pub fn check(&self) -> Result<(), String> {
        match self.error() {
            Some(error) => Err(error.to_owned()),
            None => Ok(()),
        }
    }

    fn error(&self) -> Option<&'static str> {
        if matches!(self.server, Server::Unix(_)) && !self.trust_local {
            return Some(
                "--server is a Unix socket: with peer authentication, the server would take every client for the user that \
                 runs this proxy, who may be a superuser; add --trust-local to allow this",
            );
        }
        if self.server_tls != Mode::Disable && matches!(self.server, Server::Unix(_)) {
            return Some(
                "--server-tls needs a TCP address in --server: PostgreSQL has no TLS on Unix sockets",
            );
        }
        if self.server_ca.is_some() && !self.server_tls.verifies() {
            return Some("--server-ca needs --server-tls verify-ca or verify-full");
        }
        (self.threads == 0).then_some("--threads must be at least 1")
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
    fn the_command_line_definition_passes_claps_checks() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_servers_unix_socket_needs_trust_local() {
        for listen in ["h:1", "/tmp"] {
            let unix = ["--listen", listen, "--server", "/run/postgresql:5432"];
            assert!(serve(&unix).error().is_some(), "{listen}");
            let meant = [&unix[..], &["--trust-local"]].concat();
            assert!(serve(&meant).error().is_none(), "{listen}");
        }
        let tcp = ["--listen", "/tmp", "--server", "h:1"];
        assert!(serve(&tcp).error().is_none());
    }

    #[test]
    fn socket_modes_are_octal() {
        let basis = ["--listen", "/tmp", "--server", "h:1"];
        assert_eq!(serve(&basis).socket_mode, 0o700);
        assert_eq!(mode("0777"), Ok(0o777));
        assert_eq!(mode("0o660"), Ok(0o660));
        for bad in ["", "8", "1777", "-1", "rwx"] {
            assert!(mode(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn incomplete_or_useless_tls_options_are_refused() {
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
        assert!(serve(&with(&whole)).error().is_none());
        let unchecked = ["--server-ca", "f", "--server-tls", "require"];
        assert!(serve(&with(&unchecked)).error().is_some());
        let checked = ["--server-ca", "f", "--server-tls", "verify-ca"];
        assert!(serve(&with(&checked)).error().is_none());
        let unix = ["--listen", "/tmp", "--server", "/tmp:1", "--trust-local"];
        let encrypted = [&unix[..], &["--server-tls", "prefer"]].concat();
        assert!(serve(&encrypted).error().is_some());
    }

    #[test]
    fn seconds_may_have_a_fraction_but_no_sign() {
        let arguments = ["--listen", "h:1", "--server", "h:2", "--spread", "0.5"];
        assert_eq!(serve(&arguments).spread, Duration::from_millis(500));
        assert!(seconds("-1").is_err());
    }
}
