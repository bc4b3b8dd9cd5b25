//! The fields of each message in the protocol's order.

use super::{AuthResponse, Line, print};
use crate::codes::{auth, client, request, server};

impl Line<'_> {
    pub(super) fn client_message(&mut self, kind: u8, context: AuthResponse) {
        match kind {
            client::BIND => self.bind(),
            client::CLOSE => self.target("Close\t"),
            client::COPY_DATA => self.copy_data(),
            client::DESCRIBE => self.target("Describe\t"),
            client::EXECUTE => self.execute(),
            client::COPY_FAIL => self.named_strings("CopyFail\t", 1),
            client::FUNCTION_CALL => self.function_call(),
            client::AUTH_RESPONSE => self.auth_response(context),
            client::PARSE => self.parse(),
            client::QUERY => self.named_strings("Query\t", 1),
            client::COPY_DONE => self.name("CopyDone"),
            client::FLUSH => self.name("Flush"),
            client::SYNC => self.name("Sync"),
            client::TERMINATE => self.name("Terminate"),
            _ => self.unknown(kind),
        }
    }

    pub(super) fn server_message(&mut self, kind: u8, length: i32) {
        match kind {
            server::PARSE_COMPLETE => self.name("ParseComplete"),
            server::BIND_COMPLETE => self.name("BindComplete"),
            server::CLOSE_COMPLETE => self.name("CloseComplete"),
            server::NOTIFICATION_RESPONSE => self.notification(),
            server::COPY_DONE => self.name("CopyDone"),
            server::COMMAND_COMPLETE => self.named_strings("CommandComplete\t", 1),
            server::COPY_DATA => self.copy_data(),
            server::DATA_ROW => self.data_row(),
            server::ERROR_RESPONSE => self.report("ErrorResponse\t"),
            server::GO_AWAY => self.go_away(),
            server::COPY_IN_RESPONSE => self.copy_response("CopyInResponse\t"),
            server::COPY_OUT_RESPONSE => self.copy_response("CopyOutResponse\t"),
            server::EMPTY_QUERY_RESPONSE => self.name("EmptyQueryResponse"),
            server::BACKEND_KEY_DATA => self.backend_key_data(),
            server::NO_DATA => self.name("NoData"),
            server::NOTICE_RESPONSE => self.report("NoticeResponse\t"),
            server::AUTHENTICATION => self.authentication(),
            server::PORTAL_SUSPENDED => self.name("PortalSuspended"),
            server::PARAMETER_STATUS => self.parameter_status(),
            server::PARAMETER_DESCRIPTION => self.parameter_description(),
            server::ROW_DESCRIPTION => self.row_description(),
            server::NEGOTIATE_PROTOCOL_VERSION => self.negotiate_protocol_version(),
            server::FUNCTION_CALL_RESPONSE => self.function_call_response(),
            server::COPY_BOTH_RESPONSE => self.copy_both_response(length),
            server::READY_FOR_QUERY => self.ready_for_query(),
            _ => self.unknown(kind),
        }
    }

    pub(super) fn untyped_message(&mut self, code: u32, length: i32) {
        match code {
            request::CANCEL if length >= 16 => {
                self.halves("CancelRequest\t");
                self.int32(self.regress);
                self.rest(self.regress);
            }
            request::TLS => self.halves("SSLRequest\t"),
            request::GSS => self.halves("GSSENCRequest\t"),
            _ => self.startup(),
        }
    }

    fn halves(&mut self, name: &str) {
        self.name(name);
        self.int16();
        self.int16();
    }

    fn startup(&mut self) {
        self.halves("StartupMessage\t");
        while self.frame.get(self.cursor).is_some_and(|byte| *byte != 0) {
            self.string(false);
            self.string(false);
        }
        self.take(1);
    }

    fn unknown(&mut self, kind: u8) {
        print(self.out, format_args!("Unknown message: {kind:02x}"));
    }

    fn named_strings(&mut self, name: &str, count: usize) {
        self.name(name);
        self.strings(count);
    }

    /// Close and Describe: the kind of the target, and its name.
    fn target(&mut self, name: &str) {
        self.name(name);
        self.byte1();
        self.string(false);
    }

    fn bind(&mut self) {
        self.named_strings("Bind\t", 2);
        self.int16s();
        self.counted(|line| line.value(false));
        self.int16s();
    }

    fn copy_data(&mut self) {
        self.name("CopyData\t");
        self.rest(self.regress);
    }

    fn execute(&mut self) {
        self.named_strings("Execute\t", 1);
        self.int32(false);
    }

    fn function_call(&mut self) {
        self.name("FunctionCall\t");
        self.int32(self.regress);
        self.int16s();
        self.counted(|line| line.value(false));
        self.int16();
    }

    fn auth_response(&mut self, context: AuthResponse) {
        match context {
            AuthResponse::Unknown => self.name("UnknownAuthenticationResponse"),
            AuthResponse::Gss => {
                self.name("GSSResponse\t");
                self.rest(self.regress);
            }
            // libpq: the trace shows the password in clear text.
            AuthResponse::Password => self.named_strings("PasswordMessage\t", 1),
            AuthResponse::SaslInitial => {
                self.named_strings("SASLInitialResponse\t", 1);
                self.value(self.regress);
            }
            AuthResponse::Sasl => {
                self.name("SASLResponse\t");
                self.rest(self.regress);
            }
        }
    }

    fn parse(&mut self) {
        self.named_strings("Parse\t", 2);
        self.oids();
    }

    fn notification(&mut self) {
        self.name("NotificationResponse\t");
        self.int32(self.regress);
        self.strings(2);
    }

    fn data_row(&mut self) {
        self.name("DataRow\t");
        self.counted(|line| line.value(false));
    }

    /// An error or notice: fields up to the terminating NUL, which is printed, too.
    fn report(&mut self, name: &str) {
        self.name(name);
        loop {
            let field = self.byte1();
            if field == 0 {
                return;
            }
            self.string(self.regress && matches!(field, b'L' | b'F' | b'R'));
        }
    }

    /// A later version may add a body: ignore it.
    fn go_away(&mut self) {
        self.name("GoAway");
        self.take(self.remaining());
    }

    fn copy_response(&mut self, name: &str) {
        self.name(name);
        self.byte1();
        self.int16s();
    }

    /// libpq: reads numbers up to the end of the message and ignores the count.
    fn copy_both_response(&mut self, length: i32) {
        self.name("CopyBothResponse\t");
        self.byte1();
        let end = usize::try_from(length).unwrap_or(0);
        while self.cursor < end && !self.at_end() {
            self.int16();
        }
    }

    fn backend_key_data(&mut self) {
        self.name("BackendKeyData\t");
        self.int32(self.regress);
        self.rest(self.regress);
    }

    fn authentication(&mut self) {
        let code = self.take(4).try_into().map_or(0, u32::from_be_bytes);
        match code {
            auth::OK => self.name("AuthenticationOk"),
            auth::PASSWORD => self.name("AuthenticationCleartextPassword"),
            // libpq: does not read the salt, so a line about mismatched lengths follows.
            auth::MD5 => self.name("AuthenticationMD5Password"),
            auth::GSS => self.name("AuthenticationGSS"),
            auth::GSS_CONTINUE => self.authentication_data("AuthenticationGSSContinue\t"),
            auth::SSPI => self.name("AuthenticationSSPI"),
            auth::SASL => self.authentication_sasl(),
            auth::SASL_CONTINUE => self.authentication_data("AuthenticationSASLContinue\t"),
            auth::SASL_FINAL => self.authentication_data("AuthenticationSASLFinal\t"),
            _ => print(
                self.out,
                format_args!("Unknown authentication message {}", code as i32),
            ),
        }
    }

    fn authentication_data(&mut self, name: &str) {
        self.name(name);
        self.rest(self.regress);
    }

    /// libpq: prints the end of the list as an empty string.
    fn authentication_sasl(&mut self) {
        self.name("AuthenticationSASL\t");
        while self.frame.get(self.cursor).is_some_and(|byte| *byte != 0) {
            self.string(false);
        }
        self.string(false);
    }

    fn parameter_status(&mut self) {
        self.named_strings("ParameterStatus\t", 2);
    }

    fn parameter_description(&mut self) {
        self.name("ParameterDescription\t");
        self.oids();
    }

    fn row_description(&mut self) {
        self.name("RowDescription\t");
        self.counted(|line| {
            line.string(false);
            line.int32(line.regress);
            line.int16();
            line.int32(line.regress);
            line.int16();
            line.int32(false);
            line.int16();
        });
    }

    fn negotiate_protocol_version(&mut self) {
        self.name("NegotiateProtocolVersion\t");
        self.int32(false);
        let mut names = self.int32(false);
        while names > 0 && !self.at_end() {
            self.string(false);
            names -= 1;
        }
    }

    fn function_call_response(&mut self) {
        self.name("FunctionCallResponse\t");
        self.value(false);
    }

    fn ready_for_query(&mut self) {
        self.name("ReadyForQuery\t");
        self.byte1();
    }
}
