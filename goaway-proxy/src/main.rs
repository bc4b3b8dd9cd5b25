//! goaway-proxy: stands in front of a PostgreSQL that knows no GoAway, and sends it for it.

mod address;
mod args;
mod cancels;
mod control;
mod dial;
mod drain;
mod early;
mod framer;
mod frames;
mod hazards;
mod health;
mod listen;
mod messages;
mod metrics;
mod orders;
mod registry;
mod relay;
mod reload;
mod requests;
mod serve;
mod session;
mod shared;
mod side;
mod socket_file;
mod startup;
mod tls;
mod watch;
mod wire;

use std::process::ExitCode;

use clap::Parser;

use args::{Arguments, Command, LogFormat, Order, Serve};

/// Bad arguments, and what could not be begun.
const FAILED: u8 = 2;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match (arguments.command, arguments.serve) {
        (Some(Command::Ctl { control, order }), _) => {
            let answer = control::command(&control, &line(&order));
            answer.map(|answer| println!("{answer}")).map(|()| 0)
        }
        (None, Some(arguments)) => run(arguments),
        (None, None) => Err("nothing to do: see --help".to_owned()),
    };
    match outcome {
        Ok(status) => ExitCode::from(status),
        Err(complaint) => {
            eprintln!("goaway-proxy: {complaint}");
            ExitCode::from(FAILED)
        }
    }
}

fn line(order: &Order) -> String {
    match order {
        Order::Goaway { pid: Some(pid) } => format!("goaway {pid}"),
        Order::Goaway { pid: None } => "goaway".to_owned(),
        Order::Drain => "drain".to_owned(),
        Order::Status => "status".to_owned(),
    }
}

fn run(arguments: Serve) -> Result<u8, String> {
    if let Some(complaint) = arguments.complaint() {
        return Err(complaint.to_owned());
    }
    let log = tracing_subscriber::fmt().with_writer(std::io::stderr);
    match arguments.log_format {
        LogFormat::Text => log.with_ansi(false).init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
    let mut builder = match arguments.threads {
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    let runtime = builder
        .worker_threads(arguments.threads)
        .enable_all()
        .build()
        .map_err(|error| address::words(&error))?;
    let status = runtime.block_on(serve::serve(arguments));
    // A name that is still being looked up is nothing to wait for.
    runtime.shutdown_background();
    status
}
