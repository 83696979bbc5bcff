//! Spreads bits over the places of a mask, by one instruction if the program is built for a processor that has it.

/// Moves the lowest bits of `bits` to the places of `mask`, beginning at the lowest. All other bits of the result are zero.
#[inline(always)]
pub(crate) fn deposit(bits: u64, mask: u64) -> u64 {
    #[cfg(all(target_arch = "x86_64", target_feature = "bmi2"))]
    return safe_arch::population_deposit_u64(bits, mask);
    #[cfg(not(all(target_arch = "x86_64", target_feature = "bmi2")))]
    return bit_by_bit(bits, mask);
}

/// Returns the place of `mask` that follows `before` other places, as a bit; 0 if there is no such place.
#[inline(always)]
pub(crate) fn place(mask: u64, before: u32) -> u64 {
    #[cfg(all(target_arch = "x86_64", target_feature = "bmi2"))]
    return deposit(1 << before, mask);
    #[cfg(not(all(target_arch = "x86_64", target_feature = "bmi2")))]
    return one_by_one(mask, before);
}

#[cfg(any(test, not(all(target_arch = "x86_64", target_feature = "bmi2"))))]
#[inline(always)]
fn bit_by_bit(mut bits: u64, mut mask: u64) -> u64 {
    let mut deposited = 0;
    while mask != 0 {
        deposited |= (bits & 1).wrapping_neg() & mask & mask.wrapping_neg();
        mask &= mask.wrapping_sub(1);
        bits >>= 1;
    }
    deposited
}

#[cfg(any(test, not(all(target_arch = "x86_64", target_feature = "bmi2"))))]
#[inline(always)]
fn one_by_one(mut mask: u64, before: u32) -> u64 {
    // Usually the places have no gaps between them.
    let first = mask & mask.wrapping_neg();
    let place = first << before;
    let through = (place << 1).wrapping_sub(first);
    if place != 0 && mask & through == through {
        return place;
    }
    for _ in 0..before {
        mask &= mask.wrapping_sub(1);
    }
    mask & mask.wrapping_neg()
}

#[cfg(test)]
mod tests {
    use super::{bit_by_bit, one_by_one};

    #[test]
    fn bits_go_to_the_places_of_the_mask_in_order() {
        assert_eq!(bit_by_bit(0b101, 0b1101_0010), 0b0100_0010);
        assert_eq!(bit_by_bit(u64::MAX, u64::MAX), u64::MAX);
        assert_eq!(bit_by_bit(u64::MAX, 1 << 63 | 1), 1 << 63 | 1);
    }

    #[test]
    fn a_place_is_found_by_how_many_come_before() {
        for (mask, before, place) in [
            (0b1101_0010, 0, 0b10),
            (0b1101_0010, 2, 0b100_0000),
            (0b1101_0010, 4, 0),
            (0b0111_1000, 3, 0b100_0000),
            (0b0111_1000, 4, 0),
            (u64::MAX, 15, 1 << 15),
            (3 << 62, 1, 1 << 63),
            (3 << 62, 2, 0),
            (0, 0, 0),
        ] {
            assert_eq!(one_by_one(mask, before), place, "{mask:b}, {before}");
        }
    }

    #[test]
    fn both_ways_to_a_place_agree() {
        let mut noise = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = || {
            noise ^= noise << 13;
            noise ^= noise >> 7;
            noise ^= noise << 17;
            noise
        };
        for before in (0..16).cycle().take(4000) {
            let (bits, mask) = (next(), next() | next() << (before * 4));
            assert_eq!(one_by_one(mask, before), bit_by_bit(1 << before, mask), "{mask:b}, {before}");
            // These differ only in a build for a processor that has the instruction: `make test-shipped`.
            assert_eq!(super::deposit(bits, mask), bit_by_bit(bits, mask), "{mask:b}, {bits:b}");
            assert_eq!(super::place(mask, before), one_by_one(mask, before), "{mask:b}, {before}");
        }
    }
}
