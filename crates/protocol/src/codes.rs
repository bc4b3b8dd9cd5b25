//! The constants of the protocol: message types, request codes, authentication codes.

/// Types of the messages that a client sends.
pub mod client {
    pub const BIND: u8 = b'B';
    pub const CLOSE: u8 = b'C';
    pub const COPY_DATA: u8 = b'd';
    pub const COPY_DONE: u8 = b'c';
    pub const COPY_FAIL: u8 = b'f';
    pub const DESCRIBE: u8 = b'D';
    pub const EXECUTE: u8 = b'E';
    pub const FLUSH: u8 = b'H';
    pub const FUNCTION_CALL: u8 = b'F';
    pub const PARSE: u8 = b'P';
    /// PasswordMessage, SASLInitialResponse, SASLResponse or GSSResponse.
    pub const AUTH_RESPONSE: u8 = b'p';
    pub const QUERY: u8 = b'Q';
    pub const SYNC: u8 = b'S';
    pub const TERMINATE: u8 = b'X';
}

/// Types of the messages that a server sends.
pub mod server {
    pub const AUTHENTICATION: u8 = b'R';
    pub const BACKEND_KEY_DATA: u8 = b'K';
    pub const BIND_COMPLETE: u8 = b'2';
    pub const CLOSE_COMPLETE: u8 = b'3';
    pub const COMMAND_COMPLETE: u8 = b'C';
    pub const COPY_BOTH_RESPONSE: u8 = b'W';
    pub const COPY_DATA: u8 = b'd';
    pub const COPY_DONE: u8 = b'c';
    pub const COPY_IN_RESPONSE: u8 = b'G';
    pub const COPY_OUT_RESPONSE: u8 = b'H';
    pub const DATA_ROW: u8 = b'D';
    pub const EMPTY_QUERY_RESPONSE: u8 = b'I';
    pub const ERROR_RESPONSE: u8 = b'E';
    pub const FUNCTION_CALL_RESPONSE: u8 = b'V';
    pub const GO_AWAY: u8 = b'g';
    pub const NEGOTIATE_PROTOCOL_VERSION: u8 = b'v';
    pub const NO_DATA: u8 = b'n';
    pub const NOTICE_RESPONSE: u8 = b'N';
    pub const NOTIFICATION_RESPONSE: u8 = b'A';
    pub const PARAMETER_DESCRIPTION: u8 = b't';
    pub const PARAMETER_STATUS: u8 = b'S';
    pub const PARSE_COMPLETE: u8 = b'1';
    pub const PORTAL_SUSPENDED: u8 = b's';
    pub const READY_FOR_QUERY: u8 = b'Z';
    pub const ROW_DESCRIPTION: u8 = b'T';
}

/// Codes that take the place of the protocol version in packets without a type byte.
pub mod request {
    pub const CANCEL: u32 = (1234 << 16) | 5678;
    pub const TLS: u32 = (1234 << 16) | 5679;
    pub const GSS: u32 = (1234 << 16) | 5680;
}

/// The one-byte answers to an encryption request.
pub mod answer {
    pub const TLS: u8 = b'S';
    pub const GSS: u8 = b'G';
    pub const NO: u8 = b'N';
}

/// The codes of Authentication messages.
pub mod auth {
    pub const OK: u32 = 0;
    pub const KERBEROS4: u32 = 1;
    pub const KERBEROS5: u32 = 2;
    pub const PASSWORD: u32 = 3;
    pub const CRYPT: u32 = 4;
    pub const MD5: u32 = 5;
    pub const GSS: u32 = 7;
    pub const GSS_CONTINUE: u32 = 8;
    pub const SSPI: u32 = 9;
    pub const SASL: u32 = 10;
    pub const SASL_CONTINUE: u32 = 11;
    pub const SASL_FINAL: u32 = 12;
}

/// The target of a Describe or Close message.
pub mod target {
    pub const STATEMENT: u8 = b'S';
    pub const PORTAL: u8 = b'P';
}

/// The transaction states in a ReadyForQuery message.
pub mod transaction {
    pub const IDLE: u8 = b'I';
    pub const IN_BLOCK: u8 = b'T';
    pub const FAILED: u8 = b'E';
}

/// The key in the startup packet with which a client requests GoAway messages.
pub const GOAWAY_KEY: &[u8] = b"_pq_.goaway";
