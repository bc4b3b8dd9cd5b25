//! Safe functions around libgssapi_krb5.

use std::ffi::{c_int, c_void};
use std::fmt;
use std::ops::Deref;
use std::ptr::{self, null, null_mut};
use std::slice;

use crate::mem::error_text::ErrorText;

use super::library::functions;

const FILES: [&str; 1] = ["libgssapi_krb5.so.2"];

/// gss_buffer_desc
#[repr(C)]
struct RawBuffer {
    length: usize,
    value: *mut c_void,
}

/// gss_OID_desc
#[repr(C)]
struct Oid {
    length: u32,
    elements: *const u8,
}
// SAFETY: nothing writes to what it points to.
unsafe impl Sync for Oid {}

/// GSS_C_NT_HOSTBASED_SERVICE, 1.2.840.113554.1.2.1.4
static HOST_BASED_SERVICE: Oid = Oid {
    length: 10,
    elements: b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x01\x04".as_ptr(),
};

const GSS_C_INITIATE: c_int = 1;
const GSS_C_GSS_CODE: c_int = 1;
const GSS_C_MECH_CODE: c_int = 2;
const GSS_S_COMPLETE: u32 = 0;
/// GSS_ERROR: the bits of real errors. The others are information, such as GSS_S_CONTINUE_NEEDED.
const ERRORS: u32 = 0xffff_0000;
/// For conf_req_flag.
const CONFIDENTIAL: c_int = 1;

/// Flags for `gss_init_sec_context`.
pub mod flag {
    pub const DELEGATE: u32 = 1;
    pub const MUTUAL: u32 = 2;
    pub const REPLAY: u32 = 4;
    pub const SEQUENCE: u32 = 8;
    pub const CONFIDENTIALITY: u32 = 16;
    pub const INTEGRITY: u32 = 32;
}

type Handle = *mut c_void;

functions! {
    Functions of &FILES;
    gss_import_name(*mut u32, *const RawBuffer, *const Oid, *mut Handle) -> u32;
    gss_release_name(*mut u32, *mut Handle) -> u32;
    gss_acquire_cred(*mut u32, Handle, u32, Handle, c_int, *mut Handle, *mut Handle, *mut u32) -> u32;
    gss_release_cred(*mut u32, *mut Handle) -> u32;
    gss_init_sec_context(*mut u32, Handle, *mut Handle, Handle, *const Oid, u32, u32, Handle, *const RawBuffer,
                         *mut Handle, *mut RawBuffer, *mut u32, *mut u32) -> u32;
    gss_delete_sec_context(*mut u32, *mut Handle, *mut RawBuffer) -> u32;
    gss_wrap_size_limit(*mut u32, Handle, c_int, u32, u32, *mut u32) -> u32;
    gss_wrap(*mut u32, Handle, c_int, u32, *const RawBuffer, *mut c_int, *mut RawBuffer) -> u32;
    gss_unwrap(*mut u32, Handle, *const RawBuffer, *mut RawBuffer, *mut c_int, *mut u32) -> u32;
    gss_display_status(*mut u32, u32, c_int, *const Oid, *mut u32, *mut RawBuffer) -> u32;
    gss_release_buffer(*mut u32, *mut RawBuffer) -> u32;
}

/// The loaded library.
#[derive(Clone, Copy)]
pub struct Gssapi(&'static Functions);

/// The library's error texts, to follow libpq's text for what failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure(Vec<u8>);

impl Failure {
    /// `attempt: general reason: the mechanism's reason`
    pub fn after(&self, attempt: &str) -> ErrorText {
        ErrorText::concat(&[attempt.as_bytes(), b":", &self.0])
    }
}

impl Gssapi {
    /// The library, loaded on first use; Err says why it cannot be loaded.
    pub fn load() -> Result<Gssapi, String> {
        Functions::get().map(Gssapi)
    }

    /// The name of a service on a host, as `service@host`.
    pub fn service_name(self, text: &[u8]) -> Result<Name, Failure> {
        let mut name = Name(self, null_mut());
        let mut minor = 0;
        let input = borrowed(text);
        // SAFETY: the input is readable during the call, which does not keep it; the rest is writable.
        let major = unsafe {
            (self.0.gss_import_name)(&mut minor, &input, &HOST_BASED_SERVICE, &mut name.1)
        };
        self.complete(major, minor)?;
        Ok(name)
    }

    /// The user's default credentials.
    pub fn credentials(self) -> Result<Credentials, Failure> {
        let mut credentials = Credentials(self, null_mut());
        let mut minor = 0;
        // SAFETY: NULL stands for the default name, the default mechanisms and answers not wanted.
        let major = unsafe {
            (self.0.gss_acquire_cred)(
                &mut minor,
                null_mut(),
                0,
                null_mut(),
                GSS_C_INITIATE,
                &mut credentials.1,
                null_mut(),
                null_mut(),
            )
        };
        self.complete(major, minor)?;
        Ok(credentials)
    }

    /// A context that has not started.
    pub fn context(self) -> Context {
        Context(self, null_mut())
    }

    fn complete(self, major: u32, minor: u32) -> Result<(), Failure> {
        match major {
            GSS_S_COMPLETE => Ok(()),
            _ => Err(self.failure(major, minor)),
        }
    }

    fn failure(self, major: u32, minor: u32) -> Failure {
        let mut text = Vec::new();
        self.describe(&mut text, major, GSS_C_GSS_CODE);
        text.push(b':');
        self.describe(&mut text, minor, GSS_C_MECH_CODE);
        Failure(text)
    }

    /// Appends the library's messages for a status, each after a blank.
    fn describe(self, text: &mut Vec<u8>, status: u32, kind: c_int) {
        let mut more = 0;
        loop {
            let mut minor = 0;
            let mut message = Output::new(self);
            // SAFETY: NULL is the default mechanism; the rest is writable.
            let major = unsafe {
                let out = &mut message.1;
                (self.0.gss_display_status)(&mut minor, status, kind, null(), &mut more, out)
            };
            if major != GSS_S_COMPLETE {
                return;
            }
            text.push(b' ');
            text.extend_from_slice(&message);
            if more == 0 {
                return;
            }
        }
    }
}

/// A name in the library's form.
pub struct Name(Gssapi, Handle);

impl Drop for Name {
    fn drop(&mut self) {
        // SAFETY: the name is this object's own, or NULL, which the library passes over.
        unsafe { (self.0.0.gss_release_name)(&mut 0, &mut self.1) };
    }
}

/// A user's credentials in the library's form.
pub struct Credentials(Gssapi, Handle);

impl Drop for Credentials {
    fn drop(&mut self) {
        // SAFETY: as for a name.
        unsafe { (self.0.0.gss_release_cred)(&mut 0, &mut self.1) };
    }
}

/// Bytes that the library allocated and frees.
pub struct Output(Gssapi, RawBuffer);

impl Output {
    fn new(gssapi: Gssapi) -> Output {
        let empty = RawBuffer {
            length: 0,
            value: null_mut(),
        };
        Output(gssapi, empty)
    }
}

impl Deref for Output {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        if self.1.value.is_null() {
            return &[];
        }
        // SAFETY: the library says that so many bytes are there, and they stay until the drop.
        unsafe { slice::from_raw_parts(self.1.value.cast(), self.1.length) }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        // SAFETY: the library made the bytes, or there are none, which it passes over.
        unsafe { (self.0.0.gss_release_buffer)(&mut 0, &mut self.1) };
    }
}

/// The security context of one connection.
pub struct Context(Gssapi, Handle);

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Context").field(&self.1).finish()
    }
}

/// The result of one step of the token exchange.
pub struct ContextStep {
    /// The token for the server; empty if there is nothing to send.
    pub token: Output,
    /// The context is established.
    pub complete: bool,
}

impl Context {
    /// Takes the server's token (empty at first). `wanted` is a set of [`flag`]s.
    pub fn initiate(
        &mut self,
        credentials: Option<&Credentials>,
        server: &Name,
        wanted: u32,
        token: &[u8],
    ) -> Result<ContextStep, Failure> {
        let Context(gssapi, context) = self;
        let mut output = Output::new(*gssapi);
        let mut minor = 0;
        let input = borrowed(token);
        // SAFETY: all handles are the library's own and alive, NULL stands for defaults; the input is readable
        // during the call, which does not keep it; the rest is writable or an optional result.
        let major = unsafe {
            (gssapi.0.gss_init_sec_context)(
                &mut minor,
                credentials.map_or(null_mut(), |credentials| credentials.1),
                context,
                server.1,
                null(),
                wanted,
                0,
                null_mut(),
                &input,
                null_mut(),
                &mut output.1,
                null_mut(),
                null_mut(),
            )
        };
        if major & ERRORS != 0 {
            return Err(gssapi.failure(major, minor));
        }
        Ok(ContextStep {
            token: output,
            complete: major == GSS_S_COMPLETE,
        })
    }

    /// The largest plain text that [`Context::wrap`] turns into a message of at most `limit` bytes.
    pub fn size_limit(&self, limit: u32) -> Result<u32, Failure> {
        let Context(gssapi, context) = *self;
        let (mut minor, mut most) = (0, 0);
        // SAFETY: the library checks the context, NULL too; the rest is writable.
        let major = unsafe {
            let out = &mut most;
            (gssapi.0.gss_wrap_size_limit)(&mut minor, context, CONFIDENTIAL, 0, limit, out)
        };
        gssapi.complete(major, minor)?;
        Ok(most)
    }

    /// The encrypted message, and whether it is confidential.
    pub fn wrap(&self, plain: &[u8]) -> Result<(Output, bool), Failure> {
        let Context(gssapi, context) = *self;
        let mut output = Output::new(gssapi);
        let (mut minor, mut confidential) = (0, 0);
        let input = borrowed(plain);
        // SAFETY: as for `size_limit`; the input is readable during the call, which does not keep it.
        let major = unsafe {
            let (state, out) = (&mut confidential, &mut output.1);
            (gssapi.0.gss_wrap)(&mut minor, context, CONFIDENTIAL, 0, &input, state, out)
        };
        gssapi.complete(major, minor)?;
        Ok((output, confidential != 0))
    }

    /// The plain text of an encrypted message, and whether it was confidential.
    pub fn unwrap(&self, message: &[u8]) -> Result<(Output, bool), Failure> {
        let Context(gssapi, context) = *self;
        let mut output = Output::new(gssapi);
        let (mut minor, mut confidential) = (0, 0);
        let input = borrowed(message);
        // SAFETY: as for `wrap`.
        let major = unsafe {
            let (state, out) = (&mut confidential, &mut output.1);
            (gssapi.0.gss_unwrap)(&mut minor, context, &input, out, state, null_mut())
        };
        gssapi.complete(major, minor)?;
        Ok((output, confidential != 0))
    }

    /// The `gss_ctx_id_t`, which this object owns; NULL before the first step.
    pub fn handle(&self) -> *mut c_void {
        self.1
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        if !self.1.is_null() {
            // SAFETY: the context is this object's own; no token for the server is wanted.
            unsafe { (self.0.0.gss_delete_sec_context)(&mut 0, &mut self.1, null_mut()) };
        }
    }
}

/// A library buffer that borrows `bytes`.
fn borrowed(bytes: &[u8]) -> RawBuffer {
    let value = match bytes {
        [] => null_mut(),
        _ => ptr::from_ref(bytes).cast_mut().cast(),
    };
    RawBuffer {
        length: bytes.len(),
        value,
    }
}
