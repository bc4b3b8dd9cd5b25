//! Both sides of goaway-proxy, which has no library: the modules that read bytes are included here.
#![no_main]
#![allow(dead_code)]

#[path = "../../goaway-proxy/src/framer.rs"]
mod framer;
#[path = "../../goaway-proxy/src/frames.rs"]
mod frames;
#[path = "../../goaway-proxy/src/fuzzing.rs"]
mod fuzzing;
#[path = "../../goaway-proxy/src/messages.rs"]
mod messages;
#[path = "../../goaway-proxy/src/requests.rs"]
mod requests;
#[path = "../../goaway-proxy/src/startup.rs"]
mod startup;

/// The part of the proxy's registry that they use. The rest needs tokio.
mod registry {
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Activity {
        Opening,
        Idle,
        Busy,
        InTransaction,
    }
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::proxy(data));
