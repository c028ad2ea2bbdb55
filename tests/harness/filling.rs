/// Visible text that hardly compresses and that JSON leaves as it is; the same for the same seed.
pub(crate) fn incompressible(bytes: usize, seed: u64) -> String {
    let visible: Vec<char> = ('#'..='~').filter(|c| *c != '\\').collect();
    random(bytes, seed, &visible)
}

/// Random base64, which deflate takes a quarter off.
pub(crate) fn random_base64(bytes: usize, seed: u64) -> String {
    let alphabet: Vec<char> = ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['+', '/']).collect();
    random(bytes, seed, &alphabet)
}

/// Text that compresses to next to nothing.
pub(crate) fn repetitive(bytes: usize) -> String {
    "the same words again and again ".chars().cycle().take(bytes).collect()
}

fn random(count: usize, seed: u64, alphabet: &[char]) -> String {
    let mut state = seed;
    let mut next = || {
        // Marsaglia's xorshift, of which the higher bits are the better ones.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap()
    };
    (0..count).map(|_| alphabet[next() % alphabet.len()]).collect()
}
