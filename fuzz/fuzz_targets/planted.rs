//! A fault that random input practically never reaches: it shows that the fuzzer sees which code runs.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let wanted = b"libpq";
    let known = data.iter().zip(wanted).take_while(|(a, b)| a == b).count();
    // One step at a time.
    for step in 0..known {
        std::hint::black_box(step);
    }
    assert!(known < wanted.len(), "the planted fault");
});
