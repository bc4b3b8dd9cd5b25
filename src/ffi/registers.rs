//! The processor's vector registers, in which copies of secrets stay.

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use std::arch::asm;

/// Runs `body`, which handles secrets, and wipes the vector registers.
///
/// Bytes are copied and compared in these registers, and some processors have so many that nothing overwrites them for
/// long. The dynamic linker saves them on the stack when the application next calls any function for the first time.
pub fn wiped_after<T>(body: impl FnOnce() -> T) -> T {
    let value = body();
    wipe();
    value
}

#[cfg(target_arch = "x86_64")]
fn wipe() {
    if !is_x86_feature_detected!("avx") {
        // SAFETY: all x86-64 processors have the instruction. Any function may change these registers.
        unsafe {
            asm!(
                ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15",
                r"pxor xmm\n, xmm\n",
                ".endr",
                clobber_abi("C"),
                options(nomem, nostack, preserves_flags)
            );
        }
        return;
    }
    // SAFETY: as above, and this processor has the instruction. It wipes these 16 registers in all their width.
    unsafe {
        asm!(
            "vzeroall",
            clobber_abi("C"),
            options(nomem, nostack, preserves_flags)
        );
    }
    if is_x86_feature_detected!("avx512f") {
        // SAFETY: as above.
        unsafe {
            asm!(
                ".irp n,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31",
                r"vpxord zmm\n, zmm\n, zmm\n",
                ".endr",
                clobber_abi("C"),
                options(nomem, nostack, preserves_flags)
            );
        }
    }
}

#[cfg(target_arch = "aarch64")]
fn wipe() {
    // SAFETY: any function may change these registers. (It must keep the lower halves of v8 to v15, which are left out.)
    unsafe {
        asm!(
            ".irp n,0,1,2,3,4,5,6,7,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31",
            r"movi v\n\().2d, #0",
            ".endr",
            clobber_abi("C"),
            options(nomem, nostack, preserves_flags)
        );
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn wipe() {}
