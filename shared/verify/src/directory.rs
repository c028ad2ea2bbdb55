use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sporlog_model::OrgId;

use crate::source::org_segment;
use crate::{Source, SourceError};

/// How deep directories may lie in one another: a key has at most 1,024 bytes (Amazon S3 User Guide).
const DEEPEST: usize = 512;

/// A copy of a bucket, or of a part of it, as `aws s3 sync` makes it.
#[derive(Debug, Clone)]
pub struct Directory {
    path: PathBuf,
    /// What the keys in it begin with: the directory's own name, if it is that of an organization's part.
    parent: PathBuf,
}

impl Directory {
    /// The directory at `path`: the bucket's root, the prefix, or the organization's own part.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        let whole = fs::canonicalize(path).map_err(|error| unreadable(path, &error))?;
        if !whole.is_dir() {
            return Err(unreadable(path, &io::Error::from(io::ErrorKind::NotADirectory)));
        }
        let of_one_org = whole.file_name().is_some_and(|name| name.to_string_lossy().starts_with("org_id="));
        let parent = if of_one_org { whole.parent().unwrap_or(&whole).to_owned() } else { whole.clone() };
        Ok(Self { path: whole, parent })
    }
}

impl Source for Directory {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn list(&self, org: &OrgId) -> Result<Vec<String>, SourceError> {
        let segment = org_segment(org);
        let (mut keys, mut left) = (Vec::new(), vec![(self.path.clone(), 0)]);
        while let Some((directory, depth)) = left.pop() {
            for entry in fs::read_dir(&directory).map_err(|error| unreadable(&directory, &error))? {
                let path = entry.map_err(|error| unreadable(&directory, &error))?.path();
                // Of the entry itself: a link would lead out of the copy, and a bucket has none.
                let file_type = fs::symlink_metadata(&path).map_err(|error| unreadable(&path, &error))?.file_type();
                let below = path.strip_prefix(&self.parent).unwrap_or(&path);
                let key = below.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/");
                if file_type.is_dir() && depth < DEEPEST {
                    left.push((path, depth + 1));
                } else if key.split('/').any(|part| part == segment) {
                    if !file_type.is_file() {
                        return Err(unreadable(&path, &io::Error::other("is not a regular file")));
                    }
                    keys.push(key);
                }
            }
        }
        Ok(keys)
    }

    fn open(&self, key: &str) -> Result<Box<dyn Read + '_>, SourceError> {
        let path = self.parent.join(key);
        Ok(Box::new(File::open(&path).map_err(|error| unreadable(&path, &error))?))
    }

    fn has_whole_keys(&self) -> bool {
        false
    }
}

fn unreadable(path: &Path, error: &io::Error) -> SourceError {
    SourceError { place: path.display().to_string(), problem: error.to_string() }
}
