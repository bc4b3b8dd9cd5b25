//! The proxy's life: listening, signals, the drain at its end.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tracing::{info, warn};

use crate::address::{Place, Server, words};
use crate::args::Serve;
use crate::dial::{Dialer, resolve};
use crate::drain::{self, Begin, Outcome, Schedule};
use crate::hazards::{self, Own};
use crate::health::State;
use crate::listen::{self, Listener};
use crate::reload::{self, Files};
use crate::shared::{Settings, Shared};
use crate::{control, metrics, session, watch};

/// Some clients had to be ended.
const ENDED: u8 = 3;
/// The start does not wait longer for the name of the server to be resolved.
const NAME: Duration = Duration::from_secs(5);

/// A listener at work; sending on the channel makes it stop listening.
type Work = (oneshot::Sender<()>, JoinHandle<()>);

/// Serves until it is told to end; the exit status.
pub async fn serve(arguments: Serve) -> Result<u8, String> {
    let catch =
        |kind| signal(kind).map_err(|error| format!("could not catch signals: {}", words(&error)));
    let mut terminate = catch(SignalKind::terminate())?;
    let mut interrupt = catch(SignalKind::interrupt())?;
    let user = catch(SignalKind::user_defined1())?;
    let hangup = catch(SignalKind::hangup())?;
    // Each client takes two descriptors. Where no more are allowed, accepting waits until some come free.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let files = Files::of(&arguments);
    let shared = shared(&arguments, &files)?;
    let listeners = listen(&shared, &arguments).await?;
    let addresses: Vec<String> = listeners.iter().map(Listener::address).collect();
    begin_services(&shared, &arguments, &addresses).await?;
    tokio::spawn(announcements(shared.clone(), user, arguments.spread));
    tokio::spawn(reload::on(hangup, shared.clone(), files));
    let works: Vec<Work> = listeners
        .into_iter()
        .map(|listener| begin_accepting(&shared, listener))
        .collect();
    info!(server = %shared.dialer.server, "listening at {}", addresses.join(" "));

    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = shared.drain.notified() => {}
    }
    // Clients may leave while listening ends: they count.
    let begin = Begin::now(&shared);
    shared
        .draining
        .store(true, std::sync::atomic::Ordering::Relaxed);
    info!(clients = shared.registry.count(), "draining");
    if arguments.refuse {
        shared.set_refusing();
    } else {
        stop_accepting(works).await;
    }
    let hurry = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let schedule = Schedule {
        spread: arguments.spread,
        grace: arguments.grace,
        deadline: arguments.deadline,
    };
    let Outcome { left, ended, took } = drain::drain(&shared, begin, schedule, hurry).await;
    let seconds = took.as_secs_f64();
    info!(
        left,
        ended, seconds, "drained in {seconds:.2} s: {left} left by themselves, {ended} ended"
    );
    Ok(if ended == 0 { 0 } else { ENDED })
}

fn shared(arguments: &Serve, files: &Files) -> Result<Shared, String> {
    let (front, back) = files.read()?;
    if front.is_some() && back.is_some() {
        warn!(
            "with TLS on both sides the proxy needs the server's own certificate and key, or channel binding fails"
        );
    }
    let dialer = Dialer::new(arguments.server.clone(), back, arguments.connect_timeout);
    let settings = Settings {
        is_watched: !arguments.no_watch,
        parameter_status: arguments.parameter_status,
        application_name_add_host: arguments.application_name_add_host,
        startup_timeout: arguments.startup_timeout,
    };
    Ok(Shared::new(dialer, front, settings))
}

/// Listens everywhere, unless that would be a mistake.
async fn listen(shared: &Shared, arguments: &Serve) -> Result<Vec<Listener>, String> {
    let places = listen::places(&arguments.listen, arguments.port).await?;
    let server = server_addresses(shared).await;
    hazards::refuse_loop(&shared.dialer.server, &server, &places)?;
    let begin = |place: &Place| listen::listen(place, arguments.socket_mode, arguments.reuse_port);
    let listeners: Result<Vec<Listener>, String> = places.iter().map(begin).collect();
    let listeners = listeners?;
    // By now their ports are known.
    let own = Own(listeners.iter().filter_map(Listener::tcp_address).collect());
    hazards::warn_of_trust(&server, &own);
    shared.dialer.avoid(own);
    Ok(listeners)
}

/// None where the server is no host, or its name is not known yet: that is logged.
async fn server_addresses(shared: &Shared) -> Vec<SocketAddr> {
    let Server::Tcp(host, port) = &shared.dialer.server else {
        return Vec::new();
    };
    let found = timeout(NAME, resolve(host, *port)).await;
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
            format!("could not make the control socket {path}: {text}")
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
            .map_err(|error| format!("could not listen at {address}: {}", words(&error)))?;
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

/// SIGUSR1 and the control socket: everybody is told, and serving goes on.
async fn announcements(shared: Shared, mut user: Signal, spread: Duration) {
    loop {
        tokio::select! {
            _ = user.recv() => {}
            () = shared.announce.notified() => {}
        }
        drain::announce(shared.clone(), spread).await;
    }
}

fn begin_accepting(shared: &Shared, listener: Listener) -> Work {
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

/// Ends listening; whoever has connected by then is served.
async fn stop_accepting(works: Vec<Work>) {
    let mut tasks = Vec::new();
    for (stop, task) in works {
        // A listener whose task has ended listens no more.
        let _ = stop.send(());
        tasks.push(task);
    }
    for task in tasks {
        let _ = task.await;
    }
}
