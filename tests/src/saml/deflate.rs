//! Raw DEFLATE (RFC 1951) as attackers and honest clients may write it, without a library: blocks that store, and a bomb.

/// The text in stored blocks, which every decoder must take.
pub fn stored(text: &[u8]) -> Vec<u8> {
    let mut written = Vec::with_capacity(text.len() + 16);
    let mut blocks = text.chunks(usize::from(u16::MAX)).peekable();
    if blocks.peek().is_none() {
        return vec![1, 0, 0, 0xff, 0xff];
    }
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        written.push(u8::from(blocks.peek().is_none()));
        written.extend(length.to_le_bytes());
        written.extend((!length).to_le_bytes());
        written.extend(block);
    }
    written
}

/// `size` spaces at least, in about one byte for each 158 of them (fixed codes, one space and then copies of 258).
pub fn bomb(size: usize) -> Vec<u8> {
    let mut bits = Bits::default();
    // Last block, fixed codes.
    bits.push(1, 1);
    bits.push(1, 2);
    // Literal 32: eight bits, 0x30 + 32, most significant first.
    bits.code(0x30 + 32, 8);
    for _ in 0..size.div_ceil(258) {
        // Length 258 is symbol 285, distance 1 is symbol 0.
        bits.code(0b1100_0101, 8);
        bits.code(0, 5);
    }
    bits.code(0, 7);
    bits.finish()
}

#[derive(Default)]
struct Bits {
    written: Vec<u8>,
    pending: u32,
    count: u32,
}

impl Bits {
    fn push(&mut self, value: u32, length: u32) {
        self.pending |= value << self.count;
        self.count += length;
        while self.count >= 8 {
            self.written
                .push(u8::try_from(self.pending & 0xff).unwrap_or_default());
            self.pending >>= 8;
            self.count -= 8;
        }
    }

    /// Huffman codes stand with their most significant bit first.
    fn code(&mut self, code: u32, length: u32) {
        for place in (0..length).rev() {
            self.push((code >> place) & 1, 1);
        }
    }

    fn finish(mut self) -> Vec<u8> {
        self.push(0, 7);
        self.written
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    /// Python's zlib, as `make test` has it anyway.
    fn inflated_length(data: &[u8]) -> usize {
        let script = "import sys, zlib; print(len(zlib.decompress(sys.stdin.buffer.read(), -15)))";
        let mut child = Command::new("python3")
            .args(["-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(data).unwrap();
        let output = child.wait_with_output().unwrap();
        String::from_utf8(output.stdout)
            .unwrap()
            .trim()
            .parse()
            .unwrap()
    }

    #[test]
    fn another_decoder_reads_what_is_written() {
        for length in [0, 1, 70_000] {
            assert_eq!(inflated_length(&stored(&vec![b'x'; length])), length);
        }
        assert_eq!(inflated_length(&bomb(258 * 1000)), 258_001);
        assert!(bomb(1_000_000).len() < 7_000);
    }
}
