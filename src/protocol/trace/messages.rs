//! The fields of each message, in their order.

use super::{AuthResponse, CANCEL_REQUEST, GSSENC_REQUEST, Line, SSL_REQUEST, print};

impl Line<'_> {
    pub(super) fn client_message(&mut self, kind: u8, context: AuthResponse) {
        match kind {
            b'B' => self.bind(),
            b'C' => self.target("Close\t"),
            b'd' => self.copy_data(),
            b'D' => self.target("Describe\t"),
            b'E' => self.execute(),
            b'f' => self.named_strings("CopyFail\t", 1),
            b'F' => self.function_call(),
            b'p' => self.auth_response(context),
            b'P' => self.parse(),
            b'Q' => self.named_strings("Query\t", 1),
            b'c' => self.name("CopyDone"),
            b'H' => self.name("Flush"),
            b'S' => self.name("Sync"),
            b'X' => self.name("Terminate"),
            _ => self.unknown(kind),
        }
    }

    pub(super) fn server_message(&mut self, kind: u8, length: i32) {
        match kind {
            b'1' => self.name("ParseComplete"),
            b'2' => self.name("BindComplete"),
            b'3' => self.name("CloseComplete"),
            b'A' => self.notification(),
            b'c' => self.name("CopyDone"),
            b'C' => self.named_strings("CommandComplete\t", 1),
            b'd' => self.copy_data(),
            b'D' => self.data_row(),
            b'E' => self.report("ErrorResponse\t"),
            b'g' => self.go_away(),
            b'G' => self.copy_response("CopyInResponse\t"),
            b'H' => self.copy_response("CopyOutResponse\t"),
            b'I' => self.name("EmptyQueryResponse"),
            b'K' => self.backend_key_data(),
            b'n' => self.name("NoData"),
            b'N' => self.report("NoticeResponse\t"),
            b'R' => self.authentication(),
            b's' => self.name("PortalSuspended"),
            b'S' => self.parameter_status(),
            b't' => self.parameter_description(),
            b'T' => self.row_description(),
            b'v' => self.negotiate_protocol_version(),
            b'V' => self.function_call_response(),
            b'W' => self.copy_both_response(length),
            b'Z' => self.ready_for_query(),
            _ => self.unknown(kind),
        }
    }

    pub(super) fn untyped_message(&mut self, code: i32, length: i32) {
        match code {
            CANCEL_REQUEST if length >= 16 => {
                self.halves("CancelRequest\t");
                self.int32(self.regress);
                self.key();
            }
            SSL_REQUEST => self.halves("SSLRequest\t"),
            GSSENC_REQUEST => self.halves("GSSENCRequest\t"),
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

    /// Close and Describe: what kind of thing, and its name.
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
            // libpq: the password shows in clear text.
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

    /// An error or notice: fields up to the terminating zero byte, which is shown too.
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

    /// A body is room for later versions, and no mismatch.
    fn go_away(&mut self) {
        self.name("GoAway");
        self.take(self.remaining());
    }

    fn copy_response(&mut self, name: &str) {
        self.name(name);
        self.byte1();
        self.int16s();
    }

    /// libpq: takes what follows the format as numbers up to the end, not by their count.
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
        self.key();
    }

    fn authentication(&mut self) {
        let code = self.take(4).try_into().map_or(0, i32::from_be_bytes);
        match code {
            0 => self.name("AuthenticationOk"),
            3 => self.name("AuthenticationCleartextPassword"),
            // libpq: leaves the salt alone, hence the line about a mismatch.
            5 => self.name("AuthenticationMD5Password"),
            7 => self.name("AuthenticationGSS"),
            8 => self.authentication_data("AuthenticationGSSContinue\t"),
            9 => self.name("AuthenticationSSPI"),
            10 => self.authentication_sasl(),
            11 => self.authentication_data("AuthenticationSASLContinue\t"),
            12 => self.authentication_data("AuthenticationSASLFinal\t"),
            _ => print(
                self.out,
                format_args!("Unknown authentication message {code}"),
            ),
        }
    }

    fn authentication_data(&mut self, name: &str) {
        self.name(name);
        self.rest(self.regress);
    }

    /// libpq: the list's end shows as an empty string.
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
