use super::region::SIZE;
use super::*;

fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).unwrap()
}

fn fill(block: *mut u8, size: usize, byte: u8) {
    // SAFETY: the tests own the blocks that they fill, which have at least that size.
    unsafe { block.write_bytes(byte, size) };
}

fn holds(block: *mut u8, size: usize, byte: u8) -> bool {
    // SAFETY: as above.
    unsafe { std::slice::from_raw_parts(block, size) }
        .iter()
        .all(|&b| b == byte)
}

#[test]
fn blocks_are_disjoint_aligned_and_reused() {
    static REGIONS: Regions = Regions::new();
    let sizes = [1, 64, 65, 1000, 4096, 20_000, 3];
    let aligns = [1, 8, 16, 64, 128, 4096];
    // Miri is slow.
    let (rounds, count) = if cfg!(miri) { (1, 5) } else { (20, 40) };
    for round in 0..rounds {
        let blocks: Vec<(*mut u8, usize, u8)> = (0..count)
            .map(|number| {
                let size = sizes[usize::from(number) % sizes.len()];
                let align = aligns[(usize::from(number) + round) % aligns.len()];
                let (block, _) = REGIONS.take(layout(size, align));
                assert!(!block.is_null() && block.addr() % align == 0);
                fill(block, size, number);
                (block, size, number)
            })
            .collect();
        for &(block, size, number) in &blocks {
            assert!(REGIONS.own(block) && holds(block, size, number));
        }
        for (block, ..) in blocks {
            assert!(REGIONS.give_back(block).is_some());
        }
        let (block, left) = REGIONS.take(layout(SIZE, 1));
        assert_eq!(left, 0);
        assert!(REGIONS.take(layout(1, 1)).0.is_null());
        assert_eq!(REGIONS.give_back(block), Some(SIZE));
    }
}

#[test]
fn a_full_reserve_adds_regions_and_frees_them_when_unused() {
    static REGIONS: Regions = Regions::new();
    let (first, _) = REGIONS.take(layout(SIZE, 1));
    assert!(REGIONS.add());
    let (second, left) = REGIONS.take(layout(100, 8));
    assert!(!second.is_null() && left < SIZE);
    assert_eq!(REGIONS.give_back(second), Some(SIZE));
    // The reserve does not become smaller than before: the region is kept until the first one has space.
    assert_eq!(REGIONS.give_back(first), Some(2 * SIZE));
    let (second, _) = REGIONS.take(layout(SIZE, 1));
    let (third, _) = REGIONS.take(layout(SIZE, 1));
    assert!(!third.is_null());
    assert!(REGIONS.give_back(second).is_some());
    assert_eq!(REGIONS.give_back(third), Some(SIZE));
    let mut other = 0u8;
    assert_eq!(REGIONS.give_back(&mut other), None);
    assert!(!REGIONS.own(&mut other));
}

#[test]
fn a_child_acquires_the_lock_that_a_thread_of_its_parent_held() {
    let lock = lock::Lock::held_by(1);
    drop(lock.acquire());
    drop(lock.acquire());
}

#[test]
fn blocks_move_out_of_the_reserve_and_are_recognized_by_their_address() {
    let small = layout(100, 16);
    let block = take_zeroed(small);
    assert!(holds(block, 100, 0));
    fill(block, 100, 7);
    // SAFETY: the block has that layout and is not used again.
    let moved = unsafe { Allocator.realloc(block, small, 5000) };
    assert!(!REGIONS.own(moved) && holds(moved, 100, 7));
    // SAFETY: as above.
    unsafe { Allocator.dealloc(moved, layout(5000, 16)) };
    let block = take_like_malloc(10);
    assert!(REGIONS.own(block));
    // SAFETY: as above.
    unsafe { free(block) };
    assert!(take(layout(LARGEST + 1, 1)).is_null());
    assert!(is_ready());
}
