//! The built-in device flow in a library that is built without it: there is none.
#![allow(dead_code)]

use zeroize::Zeroizing;

use super::prompt::Prompt;
use crate::client::oauth_debug::OAuthDebug;

const UNAVAILABLE: &str = "no OAuth flows are available (try installing the libpq-oauth package)";

pub struct Client {
    pub discovery_uri: String,
    pub issuer: String,
    pub id: Vec<u8>,
    pub secret: Option<Zeroizing<Vec<u8>>>,
    pub scope: Option<Vec<u8>>,
    pub ca_file: Option<Vec<u8>>,
}

pub enum FlowProgress {
    Waiting,
    Prompt,
    Token(Zeroizing<Vec<u8>>),
    Failed(String),
}

pub enum DeviceFlow {}

impl DeviceFlow {
    pub fn new(_: Client, _: OAuthDebug) -> Result<DeviceFlow, String> {
        Err(UNAVAILABLE.to_owned())
    }

    pub fn descriptor(&self) -> i32 {
        match *self {}
    }

    pub fn prompt(&self) -> Option<&Prompt> {
        match *self {}
    }

    pub fn poll(&mut self) -> FlowProgress {
        match *self {}
    }

    pub fn prompted(&mut self, _: i32) -> Result<(), String> {
        match *self {}
    }
}
