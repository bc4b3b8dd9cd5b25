//! The build stops unless it says which source of random numbers aws-lc uses.

#[path = "../../../build/entropy.rs"]
mod entropy;

const TARGET: &str = "x86_64-unknown-linux-gnu";

#[test]
fn a_build_that_does_not_say_stops_and_names_the_remedy() {
    let remedy = entropy::check(TARGET, |_| false).expect_err("an error");
    assert!(
        remedy.contains("[env] AWS_LC_SYS_NO_JITTER_ENTROPY = \"1\""),
        "{remedy}"
    );
    // The build script prints it as one line for cargo.
    assert!(!remedy.contains('\n'), "{remedy}");
}

#[test]
fn a_variable_for_all_targets_or_for_this_one_is_enough() {
    for name in [
        "AWS_LC_SYS_NO_JITTER_ENTROPY",
        "AWS_LC_SYS_NO_JITTER_ENTROPY_x86_64_unknown_linux_gnu",
    ] {
        assert_eq!(entropy::check(TARGET, |asked| asked == name), Ok(()));
    }
    let other = "AWS_LC_SYS_NO_JITTER_ENTROPY_aarch64_unknown_linux_gnu";
    assert!(entropy::check(TARGET, |asked| asked == other).is_err());
}

/// The variable that this checkout sets is the one that the build asks for.
#[test]
fn the_checkout_sets_the_variable() {
    let config = crate::support::paths::checkout().join(".cargo/config.toml");
    let text = std::fs::read_to_string(config).expect("cargo's settings");
    assert!(
        text.contains(&format!("{} = \"1\"", entropy::VARIABLE)),
        "{text}"
    );
}
