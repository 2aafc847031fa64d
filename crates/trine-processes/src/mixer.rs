//! Hashes without enemies: of types' ids, and of values in debug builds. With std's hasher they would take several times as long.

use std::hash::{Hash, Hasher};

/// The hash of a value, the same in all processes.
pub(crate) fn hash(value: impl Hash) -> u64 {
    let mut hasher = Mixer(0);
    value.hash(&mut hasher);
    hasher.finish()
}

#[derive(Default)]
pub(crate) struct Mixer(u64);

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    // What values are made of, past the loop.
    fn write_u8(&mut self, byte: u8) {
        self.write_u64(byte.into());
    }

    fn write_u16(&mut self, number: u16) {
        self.write_u64(number.into());
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(number.into());
    }

    fn write_u64(&mut self, word: u64) {
        // A step of MurmurHash64A, which mixes well enough that sums of its results differ too.
        const FACTOR: u64 = 0xc6a4_a793_5bd1_e995;
        let word = word.wrapping_mul(FACTOR);
        let word = (word ^ (word >> 47)).wrapping_mul(FACTOR);
        self.0 = (self.0 ^ word).wrapping_mul(FACTOR);
        self.0 ^= self.0 >> 47;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
