//! tokio-postgres with deadpool: a connection whose server asks to disconnect is closed at its next use or, if idle,
//! within a second.
//!
//! It runs each line of its input as a query. The environment variables PGHOST etc. select the server.

use std::env;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use deadpool::managed::{self, Metrics, RecycleError, RecycleResult};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};
use tokio_postgres::tls::NoTlsStream;
use tokio_postgres::{Client, Config, Connection, Error, NoTls, Socket};

/// Polls a connection, and records that its server asks to disconnect. Only the code that polls the `Connection` can
/// read the parameter.
fn drive(
    connection: &mut Connection<Socket, NoTlsStream>,
    asked: &AtomicBool,
    context: &mut Context<'_>,
) -> Poll<()> {
    loop {
        let message = connection.poll_message(context);
        if connection.parameter("disconnect_requested") == Some("on") {
            asked.store(true, Ordering::Relaxed);
        }
        match ready!(message) {
            Some(Ok(_)) => {} // a notice or a notification
            Some(Err(_)) | None => return Poll::Ready(()),
        }
    }
}

struct Pooled {
    client: Client,
    asked: Arc<AtomicBool>,
}

impl Pooled {
    fn is_usable(&self) -> bool {
        !self.client.is_closed() && !self.asked.load(Ordering::Relaxed)
    }
}

struct Manager(Config);

impl managed::Manager for Manager {
    type Type = Pooled;
    type Error = Error;

    async fn create(&self) -> Result<Pooled, Error> {
        let (client, mut connection) = self.0.connect(NoTls).await?;
        let asked = Arc::new(AtomicBool::new(false));
        let noted = asked.clone();
        tokio::spawn(poll_fn(move |context| {
            drive(&mut connection, &noted, context)
        }));
        Ok(Pooled { client, asked })
    }

    async fn recycle(&self, pooled: &mut Pooled, _: &Metrics) -> RecycleResult<Error> {
        if pooled.is_usable() {
            Ok(())
        } else {
            Err(RecycleError::message("the server asks to disconnect"))
        }
    }
}

type Pool = managed::Pool<Manager>;

/// Removes idle connections that are to go. To drop a client closes its connection.
async fn visit_idle_connections(pool: Pool) {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        pool.retain(|pooled, _| pooled.is_usable());
    }
}

/// tokio-postgres does not read environment variables.
fn config() -> Config {
    let variable = |name| env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
    let mut config = Config::new();
    config.host(variable("PGHOST")).user(variable("PGUSER"));
    config.port(variable("PGPORT").parse().expect("a port"));
    config.dbname(variable("PGDATABASE"));
    config
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = Pool::builder(Manager(config())).max_size(4).build()?;
    tokio::spawn(visit_idle_connections(pool.clone()));
    let mut lines = BufReader::new(stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let pooled = pool.get().await?;
        let sql = format!("SELECT q.*, pg_backend_pid() FROM ({line}) q");
        let row = pooled.client.query_one(&sql, &[]).await?;
        let (word, pid): (&str, i32) = (row.get(0), row.get(1));
        println!("{word} (server process {pid})");
    }
    Ok(())
}
