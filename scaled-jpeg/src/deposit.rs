//! Bits spread over the places that a mask has, in one instruction where the program is built for a processor that has it.

/// The lowest bits of `bits`, each moved to the next place of `mask`, from the lowest; all other bits are zero.
#[inline(always)]
pub(crate) fn deposit(bits: u64, mask: u64) -> u64 {
    #[cfg(all(target_arch = "x86_64", target_feature = "bmi2"))]
    return safe_arch::population_deposit_u64(bits, mask);
    #[cfg(not(all(target_arch = "x86_64", target_feature = "bmi2")))]
    return bit_by_bit(bits, mask);
}

#[cfg(any(test, not(all(target_arch = "x86_64", target_feature = "bmi2"))))]
#[inline(always)]
fn bit_by_bit(mut bits: u64, mut mask: u64) -> u64 {
    let mut deposited = 0;
    while bits != 0 && mask != 0 {
        deposited |= (bits & 1).wrapping_neg() & mask & mask.wrapping_neg();
        mask &= mask.wrapping_sub(1);
        bits >>= 1;
    }
    deposited
}

#[cfg(test)]
mod tests {
    use super::bit_by_bit;

    #[test]
    fn bits_go_to_the_places_of_the_mask_in_order() {
        assert_eq!(bit_by_bit(0b101, 0b1101_0010), 0b0100_0010);
        // One bit finds a place by its number, and nothing where there are not so many.
        assert_eq!(bit_by_bit(1 << 2, 0b1101_0010), 0b100_0000);
        assert_eq!(bit_by_bit(1 << 4, 0b1101_0010), 0);
        assert_eq!(bit_by_bit(u64::MAX, u64::MAX), u64::MAX);
        assert_eq!(bit_by_bit(u64::MAX, 1 << 63 | 1), 1 << 63 | 1);
    }

    #[cfg(all(target_arch = "x86_64", target_feature = "bmi2"))]
    #[test]
    fn the_instruction_does_the_same() {
        let mut noise = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = || {
            noise ^= noise << 13;
            noise ^= noise >> 7;
            noise ^= noise << 17;
            noise
        };
        for _ in 0..1000 {
            let (bits, mask) = (next(), next() & next());
            assert_eq!(super::deposit(bits, mask), bit_by_bit(bits, mask));
        }
    }
}
