use sha2::{Digest, Sha256};

/// A SHA-256 hash.
pub type Hash = [u8; 32];

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
        self.push_hash(leaf_hash(leaf));
    }

    fn push_hash(&mut self, leaf: Hash) {
        let mut node = (1, leaf);
        while let Some(&(leaves, left)) = self.subtrees.last()
            && leaves == node.0
        {
            self.subtrees.pop();
            node = (leaves * 2, node_hash(&left, &node.1));
        }
        self.subtrees.push(node);
    }

    /// The root, in lower-case hexadecimal; for no leaves the hash of nothing.
    pub fn root(&self) -> String {
        hex::encode(self.root_hash())
    }

    fn root_hash(&self) -> Hash {
        let mut from_right = self.subtrees.iter().rev().map(|(_, hash)| *hash);
        let Some(smallest) = from_right.next() else { return hash(&[]) };
        from_right.fold(smallest, |right, left| node_hash(&left, &right))
    }
}

/// The hash of a leaf. The prefixes keep a leaf from passing for a node (RFC 6962: second preimage resistance).
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    hash(&[&[0x00], leaf])
}

fn node_hash(left: &Hash, right: &Hash) -> Hash {
    hash(&[&[0x01], left, right])
}

/// The Merkle audit path (RFC 6962 section 2.1.1) for the leaf at `index`, from 0: the hashes that, with its own, give the
/// root. `None` when there is no such leaf.
pub fn audit_path(leaves: &[Hash], index: usize) -> Option<Vec<Hash>> {
    if index >= leaves.len() {
        return None;
    }
    let (mut leaves, mut index, mut path) = (leaves, index, Vec::new());
    while leaves.len() > 1 {
        // The largest power of two smaller than the number of leaves.
        let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
        let (with, beside) = if index < left.len() { (left, right) } else { (right, left) };
        if index >= left.len() {
            index -= left.len();
        }
        path.push(subtree_root(beside));
        leaves = with;
    }
    path.reverse();
    Some(path)
}

fn subtree_root(leaves: &[Hash]) -> Hash {
    let mut tree = MerkleTree::default();
    for leaf in leaves {
        tree.push_hash(*leaf);
    }
    tree.root_hash()
}

/// The root of a tree of `size` leaves of which the one at `index` has this hash and this audit path (RFC 9162 section
/// 2.1.3.2). `None` when a path in such a tree would be of another length.
pub fn root_of_path(leaf: Hash, index: u64, size: u64, path: &[Hash]) -> Option<Hash> {
    if index >= size {
        return None;
    }
    let (mut index, mut last, mut root) = (index, size - 1, leaf);
    for beside in path {
        if last == 0 {
            return None;
        }
        if index % 2 == 1 || index == last {
            root = node_hash(beside, &root);
            // The levels in which this subtree stands alone at the right edge, without a sibling.
            while index % 2 == 0 && index != 0 {
                (index, last) = (index / 2, last / 2);
            }
        } else {
            root = node_hash(&root, beside);
        }
        (index, last) = (index / 2, last / 2);
    }
    (last == 0).then_some(root)
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

    /// RFC 6962 section 2.1.1, word for word.
    fn path_by_definition(m: usize, leaves: &[Vec<u8>]) -> Vec<Hash> {
        if leaves.len() == 1 {
            return Vec::new();
        }
        let k = leaves.len().next_power_of_two() / 2;
        let (left, right) = leaves.split_at(k);
        let (mut path, beside) =
            if m < k { (path_by_definition(m, left), right) } else { (path_by_definition(m - k, right), left) };
        path.push(by_definition(beside));
        path
    }

    #[test]
    fn audit_paths_agree_with_the_definition_and_lead_to_the_root() {
        for size in 1..=70_u8 {
            let leaves: Vec<Vec<u8>> = (0..size).map(|n| vec![n]).collect();
            let hashes: Vec<Hash> = leaves.iter().map(|leaf| leaf_hash(leaf)).collect();
            let (size, root) = (u64::from(size), by_definition(&leaves));
            for (at, hash) in hashes.iter().enumerate() {
                let path = audit_path(&hashes, at).unwrap();
                assert_eq!(path, path_by_definition(at, &leaves), "{at} of {size}");
                let index = at as u64;
                assert_eq!(root_of_path(*hash, index, size, &path), Some(root), "{at} of {size}");
                // Of no other leaf, with no step more or less or changed.
                for other in (0..size).filter(|other| *other != index) {
                    assert_ne!(root_of_path(*hash, other, size, &path), Some(root), "{at} as {other} of {size}");
                }
                assert_ne!(root_of_path(leaf_hash(b"other"), index, size, &path), Some(root));
                let longer = [path.as_slice(), &[root]].concat();
                assert_eq!(root_of_path(*hash, index, size, &longer), None);
                if let Some((_, shorter)) = path.split_last() {
                    assert_eq!(root_of_path(*hash, index, size, shorter), None);
                }
            }
            assert_eq!(audit_path(&hashes, hashes.len()), None);
            assert_eq!(root_of_path(hashes[0], size, size, &[]), None);
        }
        assert_eq!(root_of_path([0; 32], 0, 0, &[]), None);
        assert_eq!(root_of_path([0; 32], u64::MAX - 1, u64::MAX, &[[0; 32]; 200]), None);
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
