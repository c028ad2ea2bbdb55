use sha2::{Digest, Sha256};

type Hash = [u8; 32];

/// The Merkle tree hash of RFC 6962 section 2.1 over a growing list of leaves, in memory logarithmic in their number.
///
/// With the root in a signed digest, one line can be proven to be part of the export without the other lines.
#[derive(Debug, Clone, Default)]
pub struct MerkleTree {
    /// Roots of the full subtrees so far, largest first, each with its number of leaves.
    subtrees: Vec<(u64, Hash)>,
}

impl MerkleTree {
    /// Adds a leaf.
    pub fn push(&mut self, leaf: &[u8]) {
        // The prefixes keep a leaf from passing for a node (RFC 6962: second preimage resistance).
        let mut node = (1, hash(&[&[0x00], leaf]));
        while let Some(&(leaves, left)) = self.subtrees.last()
            && leaves == node.0
        {
            self.subtrees.pop();
            node = (leaves * 2, hash(&[&[0x01], &left, &node.1]));
        }
        self.subtrees.push(node);
    }

    /// The root, in lower-case hexadecimal; for no leaves the hash of nothing.
    pub fn root(&self) -> String {
        let mut from_right = self.subtrees.iter().rev().map(|(_, hash)| *hash);
        let Some(smallest) = from_right.next() else {
            return hex::encode(hash(&[]));
        };
        hex::encode(from_right.fold(smallest, |right, left| hash(&[&[0x01], &left, &right])))
    }
}

fn hash(parts: &[&[u8]]) -> Hash {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition of the RFC, word for word.
    fn by_definition(leaves: &[Vec<u8>]) -> Hash {
        match leaves {
            [] => hash(&[]),
            [leaf] => hash(&[&[0x00], leaf]),
            _ => {
                let k = leaves.len().next_power_of_two() / 2;
                hash(&[&[0x01], &by_definition(&leaves[..k]), &by_definition(&leaves[k..])])
            }
        }
    }

    #[test]
    fn agrees_with_the_definition() {
        let mut tree = MerkleTree::default();
        let mut leaves = Vec::new();
        for n in 0..70_u8 {
            assert_eq!(tree.root(), hex::encode(by_definition(&leaves)), "{n} leaves");
            leaves.push(vec![n; usize::from(n)]);
            tree.push(&leaves[usize::from(n)]);
        }
    }

    #[test]
    fn known_roots() {
        // The test vectors of certificate-transparency implementations.
        let mut tree = MerkleTree::default();
        assert_eq!(tree.root(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        tree.push(b"");
        assert_eq!(tree.root(), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    }
}
