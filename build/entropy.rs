//! Whether the build says which source of random numbers aws-lc uses.
//!
//! Unless `AWS_LC_SYS_NO_JITTER_ENTROPY` is set, aws-lc measures the processor's jitter for its first random numbers: 20 ms of
//! CPU time in each process that connects over TLS. The variable is read by the build script of aws-lc-sys. No package can set
//! it for another: only the environment of cargo can, or `[env]` in a `.cargo/config.toml` above the directory in which cargo
//! runs. So a build without it stops, because a program would be slower without anyone noticing.

/// The variable for all targets.
pub const VARIABLE: &str = "AWS_LC_SYS_NO_JITTER_ENTROPY";

/// The variables that aws-lc-sys reads when it is built for `target`.
pub fn variables(target: &str) -> [String; 2] {
    [
        format!("{VARIABLE}_{}", target.to_lowercase().replace('-', "_")),
        VARIABLE.to_owned(),
    ]
}

/// Fails with the remedy if none of the variables is set.
pub fn check(target: &str, is_set: impl Fn(&str) -> bool) -> Result<(), String> {
    if variables(target).iter().any(|name| is_set(name)) {
        return Ok(());
    }
    Err(format!(
        "{VARIABLE} is not set. Set it to 1 in the environment of cargo, or in the .cargo/config.toml of your project: \
         [env] {VARIABLE} = \"1\". Without it, each process that connects over TLS would spend 20 ms of CPU time on its first \
         random number; set it to 0 to accept that. A checkout of libpq-oxide sets it for cargo commands that run inside it."
    ))
}
