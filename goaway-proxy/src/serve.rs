//! Starts the listeners and services, waits for signals, and drains at the end.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tracing::{info, warn};

use crate::address::{ListenAddress, Server, error_text};
use crate::args::Serve;
use crate::checks::{self, OwnAddresses};
use crate::dial::{Dialer, resolve};
use crate::drain::{self, DrainStart, Outcome, Schedule};
use crate::health::State;
use crate::listen::{self, Listener};
use crate::reload::{self, Files};
use crate::shared::{Settings, Shared};
use crate::{control, metrics, session, watch};

/// The exit status when the drain terminated sessions.
const SESSIONS_TERMINATED: u8 = 3;
/// How long the start waits for the server's host name to be resolved.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(5);

/// A running listener; a message on the channel stops it.
type ListenerTask = (oneshot::Sender<()>, JoinHandle<()>);

/// Serves until a signal or command starts the drain, drains, and returns the exit status.
pub async fn serve(arguments: Serve) -> Result<u8, String> {
    let catch = |kind| {
        signal(kind).map_err(|error| format!("could not catch signals: {}", error_text(&error)))
    };
    let mut stop = StopSignals {
        terminate: catch(SignalKind::terminate())?,
        interrupt: catch(SignalKind::interrupt())?,
    };
    let user = catch(SignalKind::user_defined1())?;
    let hangup = catch(SignalKind::hangup())?;
    // Each client needs two descriptors. When the limit cannot be raised, `accept` waits for free descriptors.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let files = Files::of(&arguments);
    let shared = shared(&arguments, &files)?;
    let listeners = listen(&shared, &arguments).await?;
    let addresses: Vec<String> = listeners.iter().map(Listener::address).collect();
    begin_services(&shared, &arguments, &addresses).await?;
    tokio::spawn(handle_announcements(shared.clone(), user, arguments.spread));
    tokio::spawn(reload::run(hangup, shared.clone(), files));
    let tasks: Vec<ListenerTask> = listeners
        .into_iter()
        .map(|listener| begin_accepting(&shared, listener))
        .collect();
    info!(server = %shared.dialer.server, "listening at {}", addresses.join(" "));

    tokio::select! {
        () = stop.recv() => {}
        () = shared.drain.notified() => {}
    }
    Ok(drain(&shared, &arguments, tasks, stop).await)
}

/// The signals that start the drain; a second one ends it.
struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    async fn recv(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Stops the listeners or refuses clients, and drains. Returns the exit status.
async fn drain(
    shared: &Shared,
    arguments: &Serve,
    tasks: Vec<ListenerTask>,
    mut stop_now: StopSignals,
) -> u8 {
    // Clients that disconnect while the listeners stop count, too.
    let start = DrainStart::now(shared);
    shared
        .draining
        .store(true, std::sync::atomic::Ordering::Relaxed);
    info!(clients = shared.registry.count(), "draining");
    if arguments.refuse {
        shared.set_refusing();
    } else {
        stop_accepting(tasks).await;
    }
    let schedule = Schedule {
        spread: arguments.spread,
        grace: arguments.grace,
        deadline: arguments.deadline,
    };
    let Outcome { left, ended, took } =
        drain::drain(shared, start, schedule, stop_now.recv()).await;
    let seconds = took.as_secs_f64();
    info!(
        left,
        ended, seconds, "drained in {seconds:.2} s: {left} left by themselves, {ended} ended"
    );
    if ended == 0 { 0 } else { SESSIONS_TERMINATED }
}

fn shared(arguments: &Serve, files: &Files) -> Result<Shared, String> {
    let (client_tls, server_tls) = files.read()?;
    if client_tls.is_some() && server_tls.is_some() {
        warn!(
            "TLS on both sides: SCRAM channel binding fails unless --tls-cert and --tls-key are the server's own certificate \
             and key"
        );
    }
    let dialer = Dialer::new(
        arguments.server.clone(),
        server_tls,
        arguments.connect_timeout,
    );
    let settings = Settings {
        is_watched: !arguments.no_watch,
        parameter_status: arguments.parameter_status,
        application_name_add_host: arguments.application_name_add_host,
        startup_timeout: arguments.startup_timeout,
    };
    Ok(Shared::new(dialer, client_tls, settings))
}

/// Starts all listeners, unless the proxy would then connect to itself.
async fn listen(shared: &Shared, arguments: &Serve) -> Result<Vec<Listener>, String> {
    let places = listen::resolve_all(&arguments.listen, arguments.port).await?;
    let server = server_addresses(shared).await;
    checks::refuse_loop(&shared.dialer.server, &server, &places)?;
    let begin =
        |place: &ListenAddress| listen::listen(place, arguments.socket_mode, arguments.reuse_port);
    let listeners: Result<Vec<Listener>, String> = places.iter().map(begin).collect();
    let listeners = listeners?;
    // Port 0 has become a real port now.
    let own = OwnAddresses(listeners.iter().filter_map(Listener::tcp_address).collect());
    checks::warn_about_trusted_address(&server, &own);
    shared.dialer.avoid(own);
    Ok(listeners)
}

/// The server's IP addresses. Empty for a Unix socket, and when the name cannot be resolved, which is logged.
async fn server_addresses(shared: &Shared) -> Vec<SocketAddr> {
    let Server::Tcp(host, port) = &shared.dialer.server else {
        return Vec::new();
    };
    let found = timeout(RESOLVE_TIMEOUT, resolve(host, *port)).await;
    let found = found.unwrap_or_else(|_| {
        Err(format!(
            "could not translate host name \"{host}\" to address: timeout expired"
        ))
    });
    found.unwrap_or_else(|text| {
        shared.set_health(State::Unreachable(text));
        Vec::new()
    })
}

async fn begin_services(
    shared: &Shared,
    arguments: &Serve,
    addresses: &[String],
) -> Result<(), String> {
    if let Some(path) = &arguments.control {
        let listening = control::listen(path, arguments.reuse_port);
        let listening = listening.map_err(|text| {
            let path = path.display();
            format!("could not create the control socket {path}: {text}")
        })?;
        tokio::spawn(control::serve(
            shared.clone(),
            listening,
            addresses.to_vec(),
        ));
    }
    if let Some(address) = &arguments.metrics {
        let listener = TcpListener::bind(address).await;
        let listener = listener
            .map_err(|error| format!("could not listen at {address}: {}", error_text(&error)))?;
        tokio::spawn(metrics::serve(shared.clone(), listener));
    }
    if !arguments.no_watch {
        tokio::spawn(watch::watch(
            shared.clone(),
            arguments.watch_interval,
            arguments.watch_user.clone(),
            arguments.spread,
        ));
    }
    Ok(())
}

/// Sends GoAway to all clients on SIGUSR1 and on the command `goaway`; the proxy keeps serving.
async fn handle_announcements(shared: Shared, mut user: Signal, spread: Duration) {
    loop {
        tokio::select! {
            _ = user.recv() => {}
            () = shared.announce.notified() => {}
        }
        drain::announce(shared.clone(), spread).await;
    }
}

fn begin_accepting(shared: &Shared, listener: Listener) -> ListenerTask {
    let (stop, stopped) = oneshot::channel();
    let shared = shared.clone();
    let task = tokio::spawn(async move {
        tokio::select! {
            () = accept(&shared, &listener) => {}
            _ = stopped => {}
        }
        for (client, peer) in listener.close().await {
            tokio::spawn(session::serve(shared.clone(), client, peer));
        }
    });
    (stop, task)
}

async fn accept(shared: &Shared, listener: &Listener) {
    loop {
        let (client, peer) = listener.accept().await;
        tokio::spawn(session::serve(shared.clone(), client, peer));
    }
}

/// Stops all listeners. Clients that have already connected are served.
async fn stop_accepting(tasks: Vec<ListenerTask>) {
    let mut stopping = Vec::new();
    for (stop, task) in tasks {
        // This fails when the task has ended; then its listener is closed.
        let _ = stop.send(());
        stopping.push(task);
    }
    for task in stopping {
        let _ = task.await;
    }
}
