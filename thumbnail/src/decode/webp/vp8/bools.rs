//! The arithmetic decoder of booleans, by which all of a frame is coded (RFC 6386, section 7).

/// The state of the decoder within a partition. It is small, so that a loop can keep a copy in registers.
#[derive(Clone, Copy)]
pub(super) struct Bools<'a> {
    data: &'a [u8],
    /// The number of bytes that were read, including zeros past the end of the data.
    at: usize,
    /// The next bits, from the highest. Below the counted bits there may be more bits of the data.
    value: u64,
    /// The number of counted bits of the value, minus the eight that a decision needs. If it is negative, the value must be filled.
    spare: i32,
    /// The width of the interval of the value: 128 to 255.
    range: u32,
}

impl<'a> Bools<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0, value: 0, spare: -8, range: 255 }
    }

    /// Whether more than one byte was read past the end of the data. Some encoders omit the last byte.
    pub(super) fn overrun(&self) -> bool {
        8 * self.at > 8 * self.data.len() + (self.spare + 8) as usize
    }

    /// Reads a boolean, which is false with a probability of `probability` / 256.
    #[inline(always)]
    pub(super) fn next(&mut self, probability: u8) -> bool {
        self.fill();
        let split = 1 + (((self.range - 1) * u32::from(probability)) >> 8);
        let least = u64::from(split) << 56;
        let found = self.value >= least;
        if found {
            // A branch can be predicted, whereas arithmetic would wait for the comparison.
            std::hint::cold_path();
            self.range -= split;
            self.value -= least;
        } else {
            self.range = split;
        }
        self.normalise();
        found
    }

    /// Reads a boolean with a probability of one half, without a branch. Returns -1 for true and 0 for false.
    #[inline(always)]
    pub(super) fn sign(&mut self) -> i32 {
        self.fill();
        let split = self.range.div_ceil(2);
        let least = u64::from(split) << 56;
        let mask = u64::from(self.value >= least).wrapping_neg();
        self.value -= least & mask;
        // The upper part of the interval is as long as the lower, or one less.
        self.range = split - (mask as u32 & (2 * split - self.range));
        self.normalise();
        mask as i32
    }

    pub(super) fn flag(&mut self) -> bool {
        self.next(128)
    }

    /// Reads an integer of `bits` bits, the highest first.
    pub(super) fn literal(&mut self, bits: u32) -> u8 {
        (0..bits).fold(0, |value, _| value << 1 | u8::from(self.flag()))
    }

    /// Reads a flag and, if it is set, a magnitude of `bits` bits and a sign; otherwise returns 0.
    pub(super) fn optional(&mut self, bits: u32) -> i32 {
        if !self.flag() {
            return 0;
        }
        let value = i32::from(self.literal(bits));
        if self.flag() { -value } else { value }
    }

    #[inline(always)]
    fn normalise(&mut self) {
        let shift = self.range.leading_zeros() - 24;
        self.range <<= shift;
        self.value <<= shift;
        self.spare -= shift as i32;
    }

    #[inline(always)]
    fn fill(&mut self) {
        if self.spare < 0 {
            let counted = (self.spare + 8) as u32;
            let word = match self.data.get(self.at..).and_then(<[u8]>::first_chunk) {
                Some(bytes) => u64::from_be_bytes(*bytes),
                None => self.last_word(),
            };
            self.value |= word >> counted;
            let bytes = (63 - counted) / 8;
            self.at += bytes as usize;
            self.spare += 8 * bytes as i32;
        }
    }

    /// Fills the value with the last bytes, and then zeros.
    #[cold]
    fn last_word(&self) -> u64 {
        let mut bytes = [0; 8];
        let rest = self.data.get(self.at..).unwrap_or_default();
        bytes[..rest.len()].copy_from_slice(rest);
        u64::from_be_bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The encoder of RFC 6386, section 7.3, with unlimited precision: the lower end of the interval as bits.
    fn encode(decisions: &[(u8, bool)]) -> Vec<u8> {
        let (mut bytes, mut low, mut range, mut bits) = (Vec::<u8>::new(), 0_u32, 255_u32, 0);
        for &(probability, decision) in decisions {
            let split = 1 + (((range - 1) * u32::from(probability)) >> 8);
            (low, range) = if decision { (low + split, range - split) } else { (low, split) };
            while range < 128 {
                (low, range, bits) = (low << 1, range << 1, bits + 1);
                if bits == 8 {
                    carry(&mut bytes, low >> 16);
                    bytes.push((low >> 8) as u8);
                    (low, bits) = (low & 0xff, 0);
                }
            }
        }
        low <<= 8 - bits;
        carry(&mut bytes, low >> 16);
        bytes.extend([(low >> 8) as u8, low as u8]);
        bytes
    }

    fn carry(bytes: &mut [u8], carry: u32) {
        if carry > 0 {
            let last = bytes.iter().rposition(|&byte| byte != 255).unwrap();
            bytes[last] += 1;
            bytes[last + 1..].fill(0);
        }
    }

    fn decisions(count: u32) -> Vec<(u8, bool)> {
        let mut state = 7_u32;
        let mut random = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        (0..count)
            .map(|_| (random(), random()))
            .map(|(probability, value)| (probability, value > probability))
            .collect()
    }

    #[test]
    fn what_was_encoded_is_decoded() {
        let decisions = decisions(5000);
        let bytes = encode(&decisions);
        let mut bools = Bools::new(&bytes);
        for (i, &(probability, decision)) in decisions.iter().enumerate() {
            assert_eq!(bools.next(probability), decision, "decision {i}");
            assert!(!bools.overrun(), "decision {i}");
        }
    }

    #[test]
    fn an_even_decision_is_one_of_probability_128() {
        let bytes: Vec<u8> = (0..=255).map(|i: u8| i.wrapping_mul(167)).collect();
        let (mut signs, mut flags) = (Bools::new(&bytes), Bools::new(&bytes));
        for probability in 1..=255 {
            assert_eq!(signs.sign(), -i32::from(flags.flag()));
            assert_eq!(signs.next(probability), flags.next(probability));
        }
    }

    #[test]
    fn the_end_of_the_data_is_noticed() {
        for length in 0..20 {
            let bytes = vec![0x5a; length];
            let mut bools = Bools::new(&bytes);
            // Each of these takes one bit, or sometimes none.
            let mut taken = 0;
            while !bools.overrun() {
                bools.sign();
                taken += 1;
            }
            assert!((8 * length..8 * length + 16).contains(&taken), "{taken} of {length} bytes");
        }
    }
}
