//! diesel_client CONNINFO: prints the version of libpq, and whether the connection is encrypted.

use std::panic::catch_unwind;

use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};

#[derive(QueryableByName)]
struct Session {
    #[diesel(sql_type = Bool)]
    ssl: bool,
    #[diesel(sql_type = Text)]
    version: String,
}

fn main() {
    // SAFETY: the function has no preconditions.
    println!("libpq {}", unsafe { pq_sys::PQlibVersion() });
    let conninfo = std::env::args().nth(1).unwrap_or_default();
    let mut conn = PgConnection::establish(&conninfo).unwrap_or_else(|e| panic!("{e}"));
    let session = diesel::sql_query(
        "SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
    )
    .get_result::<Session>(&mut conn)
    .unwrap_or_else(|e| panic!("{e}"));
    println!("encrypted: {} {}", session.ssl, session.version);
    // This program's own runtime still unwinds.
    println!("panic caught: {}", catch_unwind(|| panic!("of the program")).is_err());
}
