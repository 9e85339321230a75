//! The golden chunks of format 1: what every encoder makes of the same inputs, on every processor.
//!
//! `scripts/golden/run` compiles this file together with `codec` alone and holds it against the same list where the
//! processor's special instructions are not used, and on another processor.

use sha2::{Digest as _, Sha256};

use super::codec::Encoder;
use crate::spec::Compression;

/// Inputs as layers have them: nothing, a byte, text, noise, a text that comes again from afar, zeros and steps.
fn inputs() -> Vec<Vec<u8>> {
    let mut state = 1_u64;
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    let words: Vec<Vec<u8>> = (0..500).map(|_| (0..2 + next() % 9).map(|_| b'a' + next() % 26).collect()).collect();
    let mut text = Vec::new();
    while text.len() < 300_000 {
        let word = usize::from(next()) + usize::from(next() % 200);
        text.extend_from_slice(&words[word]);
        text.push(if next() < 20 { b'\n' } else { b' ' });
    }
    let noise: Vec<u8> = (0..100_000).map(|_| next()).collect();
    let afar = [&text[..40_000], &noise[..30_000], &text[1..60_000], &noise[..20_000], &[0; 9000], &text].concat();
    let steps = (0..1_200_000_u32).map(|at| (at / 7 % 251) as u8 ^ (at >> 12) as u8).collect();
    vec![Vec::new(), vec![7], text, noise, afar, steps]
}

/// Returns a line for each encoder: its name and the digest of all that it makes of the inputs.
pub(super) fn lines() -> Vec<String> {
    let gzip = (1..=9).map(Compression::Gzip);
    let all = gzip.chain([1, 2, 3, 5, 6, 7, 9, 12, 15, 19].map(Compression::Zstd));
    let line = |compression| {
        let mut encoder = Encoder::new(compression).expect("an encoder");
        let mut hasher = Sha256::new();
        for input in inputs() {
            let encoded = encoder.encode(&input).expect("it is encoded").unwrap_or_default();
            hasher.update((encoded.len() as u64).to_be_bytes());
            hasher.update(&encoded);
        }
        let digest: String = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{compression:?} {digest}")
    };
    all.map(line).collect()
}

/// In the order of [`lines`]. A change is a change of format 1, and that is final.
pub(super) const GOLDEN: &str = "
Gzip(1) 1b11961e88eff7ea351af82c6959d68d8dea7e0b966245a3510fd3a0749ce793
Gzip(2) 575460748924388bcade573f64f360ab22f68df5cef0779a5894a4bb90e6f0cd
Gzip(3) 324474ddd54498c94a3879480dea8517ab954570ac56504fb6b0382380eac22e
Gzip(4) 68f44223ff1ed268165b680feee313ed8f200f48b4675fd164a6e0311cbc10d0
Gzip(5) b09e694039784c02f72492ec00f683224f47d64d8f3a8136198aa4d951159876
Gzip(6) 2deb0b88cd5bff512b33f050a0c90e1ec95305ce1eb0589aa75085d890096379
Gzip(7) 0f73397ec41faa7fee87e699d43e30a49bafd163a057eef6e231f4923753a75a
Gzip(8) 014c0bb59bcc68d7adcf212dbf418a51e59a4a7792f7c155b56dcc794c0da851
Gzip(9) bb2debeb57c8d53ba714de44d7885416cd884631013820fedaf418fb396a70ca
Zstd(1) 696db0fa5bb94498b37beda2cd280aad4d9debaa68b701c547df9d9f4a6f5dbd
Zstd(2) 3844d603b312a6632d05f87952aa7366e936d27a4ae0c7a4a06b56921e40c88b
Zstd(3) 78efcae543b1949ec6c38612774ce5680e9eab33f3ee797e259e89113c0d4b09
Zstd(5) 3b4b26ddd1da1cb882425c9f85e1286cef5584b0155427a80f8db9f158445910
Zstd(6) 1a060ff11c9ce673812393cdfd923a07da59c25a3a82c42c0288ba033b931265
Zstd(7) de47e38df484b782d88f8935a5554f9c4e6d89fff2518618ef50fd6b9f9ad67b
Zstd(9) 76925cfd76929d7aa5773f15dbeec5f01518720f33ab9d75d7219e42248e1811
Zstd(12) ad42d20dabb1bd0e1138a47bd1cdf32da94de5a96691f2e3f30ee3981bd29715
Zstd(15) 1fd6035ff99efaa6de0f5b70c3eb3234f7f88b083d32ad77247912a9d3d72236
Zstd(19) 42f79eb1377e176599d4e0f35aa7d041f5f112910f13006c49062d96b9858611
";

#[test]
fn the_chunks_of_format_1_stand() {
    assert_eq!(lines().join("\n"), GOLDEN.trim());
}
