//! sslkeylogfile: session secrets in NSS's format, for packet analysers.

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;

use rustls::KeyLog;

use crate::net::sys;

#[derive(Debug)]
pub struct KeyLogFile {
    path: Vec<u8>,
}

impl KeyLogFile {
    pub fn new(path: Vec<u8>) -> KeyLogFile {
        KeyLogFile { path }
    }

    fn warn(&self, what: &str, error: &io::Error) {
        let start = format!("WARNING: could not {what} SSL key logging file \"");
        let reason = sys::error_text(error);
        let parts = [start.as_bytes(), &self.path, b"\": ", &reason, b"\n"];
        let _ = io::stderr().write_all(&parts.concat());
    }
}

impl KeyLog for KeyLogFile {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let mut options = OpenOptions::new();
        let options = options.append(true).create(true).mode(0o600);
        match options.open(OsStr::from_bytes(&self.path)) {
            Err(error) => self.warn("open", &error),
            Ok(mut file) => {
                let line = format!("{label} {} {}\n", hex(client_random), hex(secret));
                if let Err(error) = file.write_all(line.as_bytes()) {
                    self.warn("write to", &error);
                }
            }
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
