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
fn texts_are_the_c_librarys() {
    assert_eq!(strerror(libc::ECONNREFUSED), b"Connection refused");
    assert_eq!(strerror(99_999), b"Unknown error 99999");
    let error = io::Error::from_raw_os_error(libc::EPIPE);
    assert_eq!(error_text(&error), b"Broken pipe");
    assert_eq!(gai_strerror(libc::EAI_NONAME), b"Name or service not known");
}

#[test]
fn errno_can_be_set_and_read() {
    set_errno(libc::EXDEV);
    assert_eq!(errno(), libc::EXDEV);
    set_errno(0);
}
