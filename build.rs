//! Names the shared library for the loader, and compiles the variadic functions Rust cannot define.

fn main() {
    let source = "src/ffi/pqexpbuffer.c";
    println!("cargo:rerun-if-changed={source}");
    cc::Build::new()
        .file(source)
        .flag("-fvisibility=hidden")
        .warnings(true)
        .extra_warnings(true)
        .compile("pq_variadic");

    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libpq.so.5");
    // A thread that used TLS runs destructors of the library's when it ends, which may be after dlclose.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    // A program's own function of the same name must not get between two of the library's.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-Bsymbolic-functions");
}
