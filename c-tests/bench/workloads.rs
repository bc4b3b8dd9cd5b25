//! The workloads and their targets.

/// How the replay server answers a workload's SQL, and the SQL for a real server.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub rows: usize,
    pub columns: usize,
    /// Bytes in each value.
    pub width: usize,
}

/// What a workload's SQL returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Rows of text.
    Text,
    /// Rows of eight-byte integers in binary format.
    Binary,
    /// A statement with two parameters.
    Prepared,
    CopyOut,
    CopyIn,
    /// No statement.
    None,
}

/// One line of the table.
#[derive(Debug, Clone, Copy)]
pub struct Workload {
    pub name: &'static str,
    pub about: &'static str,
    /// The workload's name in client.c.
    pub mode: &'static str,
    pub kind: Kind,
    pub shape: Shape,
    /// How often the client repeats it in one run.
    pub repeats: usize,
    /// The target for our CPU time relative to C libpq 18.
    pub cpu: f64,
    pub memory: Option<f64>,
    /// For short queries: the target for our instructions relative to C libpq, and for our system calls.
    pub instructions: Option<f64>,
    pub syscalls: Option<f64>,
    /// Uses TCP, not a Unix socket, to connect to the replay server.
    pub tcp: bool,
    /// A variant of another workload with the other kind of socket. It is left out on real servers, where both are
    /// measured anyway.
    pub twin: bool,
}

const fn bulk(
    name: &'static str,
    about: &'static str,
    mode: &'static str,
    kind: Kind,
    (rows, columns, width): (usize, usize, usize),
    repeats: usize,
    cpu: f64,
) -> Workload {
    Workload {
        name,
        about,
        mode,
        kind,
        shape: Shape {
            rows,
            columns,
            width,
        },
        repeats,
        cpu,
        memory: None,
        instructions: None,
        syscalls: None,
        tcp: false,
        twin: false,
    }
}

impl Workload {
    const fn with_memory(mut self, most: f64) -> Workload {
        self.memory = Some(most);
        self
    }

    /// A short query, over TCP.
    const fn short(mut self) -> Workload {
        self.instructions = Some(0.60);
        self.syscalls = Some(2.0);
        self.tcp = true;
        self
    }

    /// A short query over a Unix socket, where poll costs less than waiting in recv.
    const fn over_unix(mut self, name: &'static str) -> Workload {
        self.name = name;
        self.about = "the same over a Unix socket";
        self.syscalls = Some(3.0);
        self.tcp = false;
        self.twin = true;
        self
    }

    /// The workload with a fraction of the rows, or of the repeats if a repeat is small.
    pub fn scaled(mut self, divisor: usize) -> Workload {
        if self.is_bulk() {
            self.shape.rows = (self.shape.rows / divisor).max(2);
        } else {
            self.repeats = (self.repeats / divisor).max(2);
        }
        self
    }

    /// The unit to count in, and how many of them one repeat has.
    pub fn unit(&self) -> (&'static str, usize) {
        match (self.kind, self.mode) {
            (Kind::CopyIn | Kind::CopyOut, _) => ("line", self.shape.rows),
            (_, "pipeline") => ("query", 500),
            _ if self.is_bulk() => ("row", self.shape.rows),
            (Kind::None, _) => ("call", 1),
            _ => ("query", 1),
        }
    }

    /// Whether a repeat is large.
    pub fn is_bulk(&self) -> bool {
        self.shape.rows > 1000
    }

    pub fn sql(&self) -> String {
        let Shape {
            rows,
            columns,
            width,
        } = self.shape;
        let list = |column: &dyn Fn(usize) -> String| {
            (1..=columns).map(column).collect::<Vec<_>>().join(", ")
        };
        match self.kind {
            Kind::Text if rows == 1 && width == 1 => "SELECT 1".to_owned(),
            Kind::Text => {
                let values = list(&|n| format!("lpad(i::text, {width}, 'x') AS c{n}"));
                format!("SELECT {values} FROM generate_series(1, {rows}) i")
            }
            Kind::Binary => {
                let values = list(&|n| format!("i::int8 AS c{n}"));
                format!("SELECT {values} FROM generate_series(1, {rows}) i")
            }
            Kind::Prepared => "SELECT $1::text, $2::text".to_owned(),
            Kind::CopyOut => format!(
                "COPY (SELECT lpad(i::text, {}, 'x') FROM generate_series(1, {rows}) i) TO STDOUT",
                width - 1
            ),
            Kind::CopyIn => format!("COPY sink FROM STDIN --{rows}"),
            Kind::None => String::new(),
        }
    }

    pub fn setup(&self) -> &'static str {
        match self.kind {
            Kind::CopyIn => "CREATE TEMP TABLE sink (line text)",
            _ => "",
        }
    }

    pub fn needs_server(&self) -> bool {
        self.kind != Kind::None || matches!(self.mode, "connect" | "first")
    }

    /// Whether the loop that only receives can run it.
    pub fn has_floor(&self) -> bool {
        matches!(self.kind, Kind::Text | Kind::CopyOut) && !self.tcp
    }
}

const SMALL: Workload = bulk(
    "small",
    "10 rows x 4 x 12, repeated, over TCP",
    "exec",
    Kind::Text,
    (10, 4, 12),
    20_000,
    1.00,
)
.short();

const EXEC1: Workload = bulk(
    "exec1",
    "SELECT 1, repeated, over TCP",
    "exec",
    Kind::Text,
    (1, 1, 1),
    20_000,
    1.00,
)
.short();

const PREPARED: Workload = bulk(
    "prepared",
    "PQexecPrepared, 2 parameters, repeated, over TCP",
    "prepared",
    Kind::Prepared,
    (1, 2, 8),
    20_000,
    1.00,
)
.short();

pub const WORKLOADS: &[Workload] = &[
    bulk(
        "narrow",
        "1,000,000 rows x 2 columns x 8 bytes",
        "exec",
        Kind::Text,
        (1_000_000, 2, 8),
        2,
        0.35,
    )
    .with_memory(0.70),
    bulk(
        "wide",
        "100,000 x 20 x 16",
        "exec",
        Kind::Text,
        (100_000, 20, 16),
        2,
        0.35,
    )
    .with_memory(0.70),
    bulk(
        "text1k",
        "100,000 x 2 x 1,024",
        "exec",
        Kind::Text,
        (100_000, 2, 1024),
        1,
        0.60,
    ),
    bulk(
        "binary",
        "500,000 x 4 x 8, binary format",
        "binary",
        Kind::Binary,
        (500_000, 4, 8),
        2,
        0.40,
    )
    .with_memory(0.70),
    bulk(
        "single",
        "single-row mode, 500,000 x 4 x 12",
        "single",
        Kind::Text,
        (500_000, 4, 12),
        1,
        0.40,
    ),
    bulk(
        "chunked",
        "chunked mode (100), same rows",
        "chunked",
        Kind::Text,
        (500_000, 4, 12),
        1,
        0.60,
    ),
    SMALL,
    SMALL.over_unix("small_unix"),
    EXEC1,
    EXEC1.over_unix("exec1_unix"),
    PREPARED,
    PREPARED.over_unix("prepared_unix"),
    bulk(
        "pipeline",
        "500 prepared queries a sync",
        "pipeline",
        Kind::Prepared,
        (1, 2, 8),
        200,
        0.60,
    ),
    bulk(
        "copy_out",
        "COPY out, 1,000,000 x 61 bytes",
        "copy_out",
        Kind::CopyOut,
        (1_000_000, 1, 61),
        1,
        0.60,
    ),
    bulk(
        "copy_in",
        "COPY in, 1,000,000 x 61 bytes",
        "copy_in",
        Kind::CopyIn,
        (1_000_000, 1, 61),
        1,
        0.60,
    ),
    bulk(
        "connect",
        "connect and close, Unix socket",
        "connect",
        Kind::None,
        (1, 1, 1),
        4000,
        1.00,
    ),
    bulk(
        "escape",
        "PQescapeStringConn, 1 KB of UTF-8",
        "escape",
        Kind::None,
        (1, 1, 1),
        200_000,
        0.20,
    ),
    bulk(
        "quotes",
        "PQescapeStringConn, 1 KB, mostly quotes",
        "quotes",
        Kind::None,
        (1, 1, 1),
        200_000,
        1.00,
    ),
];

/// Workloads that need a server with TLS; the server's certificate is verified.
pub const HANDSHAKES: &[Workload] = &[
    bulk(
        "connect_tls",
        "connect and close over TLS",
        "connect",
        Kind::None,
        (1, 1, 1),
        1600,
        1.00,
    ),
    bulk(
        "first_tls",
        "connect_tls, each in a new process",
        "first",
        Kind::None,
        (1, 1, 1),
        200,
        1.00,
    ),
];
