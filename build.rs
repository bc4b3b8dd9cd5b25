//! Names the shared library for the loader, and compiles the variadic functions Rust cannot define.

#[path = "build/entropy.rs"]
mod entropy;

fn main() {
    let target = std::env::var("TARGET").unwrap_or_default();
    for name in entropy::variables(&target) {
        println!("cargo:rerun-if-env-changed={name}");
    }
    println!("cargo:rerun-if-changed=build/entropy.rs");
    if let Err(remedy) = entropy::check(&target, |name| std::env::var_os(name).is_some()) {
        println!("cargo::error={remedy}");
        return;
    }
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
