//! The environment variable PGOAUTHDEBUG.

/// The settings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OAuthDebug {
    /// Allow plain HTTP.
    pub http: bool,
    /// Print the exchange with the provider, including secrets.
    pub trace: bool,
    /// Poll the provider without a pause.
    pub dos_endpoint: bool,
    /// Print the number of polls.
    pub call_count: bool,
}

impl OAuthDebug {
    const ALL: OAuthDebug = OAuthDebug {
        http: true,
        trace: true,
        dos_endpoint: true,
        call_count: true,
    };

    /// Parses `UNSAFE`, `option,...` or `UNSAFE:option,...`. Returns a warning for each word that has no effect.
    pub fn parse(value: &[u8]) -> (OAuthDebug, Vec<Vec<u8>>) {
        let mut debug = OAuthDebug::default();
        let mut warnings = Vec::new();
        if value == b"UNSAFE" {
            return (OAuthDebug::ALL, warnings);
        }
        let (options, unsafe_allowed) = match value.strip_prefix(b"UNSAFE:") {
            Some(options) => (options, true),
            None => (value, false),
        };
        for option in options.split(|&byte| byte == b',') {
            let (flag, is_unsafe) = match option {
                b"" => continue,
                b"http" => (&mut debug.http, true),
                b"trace" => (&mut debug.trace, true),
                b"dos-endpoint" => (&mut debug.dos_endpoint, true),
                b"call-count" => (&mut debug.call_count, false),
                // Accepted without effect, because there is no plugin.
                b"plugin-errors" => continue,
                _ => {
                    warnings.push(warning("unrecognized PGOAUTHDEBUG option", option, ""));
                    continue;
                }
            };
            if is_unsafe && !unsafe_allowed {
                warnings.push(warning("PGOAUTHDEBUG option", option, "is unsafe "));
                continue;
            }
            *flag = true;
        }
        (debug, warnings)
    }
}

fn warning(what: &str, option: &[u8], why: &str) -> Vec<u8> {
    let parts: [&[u8]; 5] = [b"WARNING: ", what.as_bytes(), b" \"", option, b"\" "];
    [&parts.concat(), why.as_bytes(), b"(ignored)\n"].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn parse(value: &str) -> (OAuthDebug, String) {
        let (debug, warnings) = OAuthDebug::parse(value.as_bytes());
        (debug, String::from_utf8(warnings.concat()).unwrap())
    }

    #[test]
    fn words_turn_settings_on() {
        assert_eq!(parse(""), (OAuthDebug::default(), String::new()));
        assert_eq!(parse("UNSAFE"), (OAuthDebug::ALL, String::new()));
        let all = "UNSAFE:http,trace,,dos-endpoint,call-count,plugin-errors";
        assert_eq!(parse(all), (OAuthDebug::ALL, String::new()));
        let counting = OAuthDebug {
            call_count: true,
            ..OAuthDebug::default()
        };
        assert_eq!(parse("call-count"), (counting, String::new()));
        assert_eq!(parse("plugin-errors,call-count").0, counting);
    }

    #[test]
    fn unknown_and_unsafe_words_are_warnings() {
        let (debug, warnings) = parse("http,UNSAFE,x");
        assert_eq!(debug, OAuthDebug::default());
        assert_eq!(
            warnings,
            "WARNING: PGOAUTHDEBUG option \"http\" is unsafe (ignored)\n\
             WARNING: unrecognized PGOAUTHDEBUG option \"UNSAFE\" (ignored)\n\
             WARNING: unrecognized PGOAUTHDEBUG option \"x\" (ignored)\n"
        );
    }
}
