use super::*;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;

#[test]
fn poll_reports_what_is_ready() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let fd = ours.as_raw_fd();
    assert_eq!(poll(fd, true, true, None).unwrap(), (false, true));
    assert_eq!(poll(fd, false, true, None).unwrap(), (false, true));
    theirs.write_all(b"x").unwrap();
    assert_eq!(poll(fd, true, true, None).unwrap(), (true, true));
    assert_eq!(poll(fd, true, false, None).unwrap(), (true, false));
}

#[test]
fn a_hang_up_counts_as_ready() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    drop(theirs);
    assert_eq!(
        poll(ours.as_raw_fd(), true, true, None).unwrap(),
        (true, true)
    );
}

#[test]
fn poll_waits_for_its_whole_timeout() {
    let (ours, _theirs) = UnixStream::pair().unwrap();
    let (begun, wait) = (Instant::now(), Duration::from_micros(30_500));
    let ready = poll(ours.as_raw_fd(), true, false, Some(wait)).unwrap();
    assert_eq!(ready, (false, false));
    assert!(begun.elapsed() >= wait);
    let ready = poll(ours.as_raw_fd(), true, false, Some(Duration::ZERO)).unwrap();
    assert_eq!(ready, (false, false));
}

#[test]
fn the_passwd_entry_is_found_or_reported_missing() {
    let name = user_name_of_euid().unwrap();
    assert_eq!(user_name_or_complaint(effective_user()).unwrap(), name);
    assert!(home_directory().unwrap().is_absolute());
    // -1 is never a user id: chown takes it as "unchanged".
    let complaint = user_name_or_complaint(libc::uid_t::MAX).unwrap_err();
    assert_eq!(complaint, b"local user with ID 4294967295 does not exist");
}

#[test]
fn a_long_passwd_entry_grows_the_buffer() {
    let mut small = [0_u8; 2];
    let outcome = passwd_lookup(effective_user(), &mut small, |entry| entry.pw_name);
    assert_eq!(outcome, Err(libc::ERANGE));
}

#[test]
fn texts_are_the_c_librarys() {
    assert_eq!(strerror(libc::ECONNREFUSED), b"Connection refused");
    assert_eq!(strerror(99_999), b"Unknown error 99999");
    let error = io::Error::from_raw_os_error(libc::EPIPE);
    assert_eq!(error_text(&error), b"Broken pipe");
    assert_eq!(gai_strerror(libc::EAI_NONAME), b"Name or service not known");
}

#[test]
fn locales_have_codesets() {
    // Rust programs do not call setlocale.
    assert_eq!(character_locale(), b"C");
    assert_eq!(codeset(b"C").as_deref(), Some(&b"ANSI_X3.4-1968"[..]));
    assert_eq!(codeset(b"C.UTF-8").as_deref(), Some(&b"UTF-8"[..]));
    assert_eq!(codeset(b"no such locale"), None);
    assert_eq!(codeset(b"with\0NUL"), None);
}

#[test]
fn addresses_come_back_as_plain_bytes() {
    let address: SocketAddr = "[::1]:5432".parse().unwrap();
    let bytes = SockAddrBytes::from(&SockAddr::from(address));
    assert_eq!(bytes.family(), libc::AF_INET6);
    assert_eq!(bytes.length as usize, mem::size_of::<libc::sockaddr_in6>());
    assert_eq!(SockAddrBytes::EMPTY.family(), 0);
}

#[test]
fn errno_can_be_set_and_read() {
    set_errno(libc::EXDEV);
    assert_eq!(errno(), libc::EXDEV);
    set_errno(0);
}
