//! The proxy's life: listening, signals, the drain at its end.

use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tracing::{info, warn};

use crate::address::Server;
use crate::args::Serve;
use crate::drain::{self, Begin, Outcome, Schedule};
use crate::listen::{self, Listener};
use crate::shared::Shared;
use crate::tls::{Back, Front};
use crate::{control, metrics, session, watch};

/// Some clients had to be ended.
const ENDED: u8 = 3;

/// A listener at work; sending on the channel makes it stop listening.
type Work = (oneshot::Sender<()>, JoinHandle<()>);

/// Serves until it is told to end; the exit status.
pub async fn serve(arguments: Serve) -> Result<u8, String> {
    let catch = |kind| signal(kind).map_err(|error| format!("could not catch signals: {error}"));
    let mut terminate = catch(SignalKind::terminate())?;
    let mut interrupt = catch(SignalKind::interrupt())?;
    let user = catch(SignalKind::user_defined1())?;
    // Each client takes two descriptors. Where no more are allowed, accepting waits until some come free.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let shared = shared(&arguments)?;
    let mut listeners = Vec::new();
    for address in &arguments.listen {
        let (port, mode) = (arguments.port, arguments.socket_mode);
        let more = listen::listen(address, port, mode, arguments.reuse_port).await;
        listeners
            .extend(more.map_err(|error| format!("could not listen at {address:?}: {error}"))?);
    }
    let addresses: Vec<String> = listeners.iter().map(Listener::address).collect();
    begin_services(&shared, &arguments, &addresses).await?;
    tokio::spawn(announcements(shared.clone(), user, arguments.spread));
    let works: Vec<Work> = listeners
        .into_iter()
        .map(|listener| begin_accepting(&shared, listener))
        .collect();
    info!(server = %shared.server, "listening at {}", addresses.join(" "));

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

fn shared(arguments: &Serve) -> Result<Shared, String> {
    let front = match (&arguments.tls_cert, &arguments.tls_key) {
        (Some(certificate), Some(key)) => Some(Front::new(certificate, key)?),
        _ => None,
    };
    let back = match &arguments.server {
        Server::Tcp(host, _) => {
            Back::new(arguments.server_tls, host, arguments.server_ca.as_deref())?
        }
        Server::Unix(_) => None,
    };
    if front.is_some() && back.is_some() {
        warn!(
            "with TLS on both sides the proxy needs the server's own certificate and key, or channel binding fails"
        );
    }
    let server = arguments.server.clone();
    let parameter_status = arguments.parameter_status;
    let startup_timeout = arguments.startup_timeout;
    Ok(Shared::new(
        server,
        front,
        back,
        parameter_status,
        startup_timeout,
    ))
}

async fn begin_services(
    shared: &Shared,
    arguments: &Serve,
    addresses: &[String],
) -> Result<(), String> {
    if let Some(path) = arguments.control.clone() {
        let (shared, addresses) = (shared.clone(), addresses.to_vec());
        let name = path.display().to_string();
        let task = tokio::spawn(async move { control::serve(shared, &path, addresses).await });
        tokio::task::yield_now().await;
        if task.is_finished()
            && let Ok(Err(error)) = task.await
        {
            return Err(format!("could not make the control socket {name}: {error}"));
        }
    }
    if let Some(address) = &arguments.metrics {
        let listener = TcpListener::bind(address).await;
        let listener =
            listener.map_err(|error| format!("could not listen at {address}: {error}"))?;
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
        for client in listener.close().await {
            tokio::spawn(session::serve(shared.clone(), client));
        }
    });
    (stop, task)
}

async fn accept(shared: &Shared, listener: &Listener) {
    loop {
        let client = listener.accept().await;
        tokio::spawn(session::serve(shared.clone(), client));
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
