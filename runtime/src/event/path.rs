//! Stream paths and names (spec §0.3, §1.10).

use serde::{Deserialize, Deserializer, Serialize};
use std::{fmt, sync::Arc};

/// A path that starts with `/` and has no empty, `.` or `..` segment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct StreamPath(Arc<str>);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    #[error("path {path:?} escapes the stream root {base:?}")]
    EscapesRoot { base: String, path: String },
    #[error("stream name {0:?} is not of the form <namespace>:/<path>")]
    NotAName(String),
}

impl StreamPath {
    pub fn root() -> Self {
        StreamPath("/".into())
    }

    /// Resolves `path` against the root.
    ///
    /// # Errors
    /// The path has more `..` than segments before them.
    pub fn parse(path: &str) -> Result<Self, PathError> {
        StreamPath::root().resolve(path)
    }

    /// Resolves `path` against this path: from here unless it starts with `/`.
    ///
    /// # Errors
    /// The path escapes the root.
    pub fn resolve(&self, path: &str) -> Result<Self, PathError> {
        let mut segments: Vec<&str> = match path.starts_with('/') {
            true => Vec::new(),
            false => self.segments().collect(),
        };
        for segment in path.split('/') {
            match segment {
                "" | "." => {}
                ".." => {
                    segments.pop().ok_or_else(|| PathError::EscapesRoot {
                        base: self.to_string(),
                        path: path.to_owned(),
                    })?;
                }
                segment => segments.push(segment),
            }
        }
        Ok(StreamPath(format!("/{}", segments.join("/")).into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The root and every other path above this one, from the root down; none for the root itself.
    pub fn ancestors(&self) -> impl Iterator<Item = StreamPath> + '_ {
        let starts = self.0.match_indices('/').map(|(start, _)| start);
        starts
            .filter(|_| self.0.len() > 1)
            .map(|start| match start {
                0 => StreamPath::root(),
                end => StreamPath(self.0[..end].into()),
            })
    }

    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|segment| !segment.is_empty())
    }
}

impl fmt::Display for StreamPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for StreamPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let path = String::deserialize(deserializer)?;
        StreamPath::parse(&path).map_err(serde::de::Error::custom)
    }
}

/// `<namespace>:<path>`; the namespace is the project.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamName {
    pub namespace: Arc<str>,
    pub path: StreamPath,
}

impl StreamName {
    pub fn new(namespace: &str, path: StreamPath) -> Self {
        StreamName {
            namespace: namespace.into(),
            path,
        }
    }

    /// Splits at every `:` and keeps the first two parts, as the production system does (spec §1.6).
    ///
    /// # Errors
    /// There is no namespace or no path.
    pub fn parse(name: &str) -> Result<Self, PathError> {
        let mut parts = name.split(':');
        match (parts.next(), parts.next()) {
            (Some(namespace), Some(path)) if !namespace.is_empty() && path.starts_with('/') => {
                Ok(StreamName::new(namespace, StreamPath::parse(path)?))
            }
            _ => Err(PathError::NotAName(name.to_owned())),
        }
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.namespace, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(base: &str, path: &str) -> Result<String, PathError> {
        Ok(StreamPath::parse(base)?.resolve(path)?.to_string())
    }

    #[test]
    fn resolves_relative_and_absolute_paths() {
        assert_eq!(resolve("/a/b", "c").unwrap(), "/a/b/c");
        assert_eq!(resolve("/a/b", "/c//./d/").unwrap(), "/c/d");
        assert_eq!(resolve("/a/b", "../../c").unwrap(), "/c");
        assert_eq!(resolve("/a", ".").unwrap(), "/a");
        assert_eq!(resolve("/a", "..").unwrap(), "/");
    }

    #[test]
    fn a_path_never_leaves_the_root() {
        let error = resolve("/a", "../..").unwrap_err();
        assert!(error.to_string().contains("escapes the stream root"));
    }

    #[test]
    fn the_ancestors_of_a_path_are_the_root_and_its_proper_prefixes() {
        let ancestors = |path: &str| -> Vec<String> {
            let path = StreamPath::parse(path).unwrap();
            path.ancestors().map(|path| path.to_string()).collect()
        };
        assert_eq!(ancestors("/"), [] as [&str; 0]);
        assert_eq!(ancestors("/a"), ["/"]);
        assert_eq!(ancestors("/a/b/c"), ["/", "/a", "/a/b"]);
    }

    #[test]
    fn a_name_keeps_the_first_two_parts() {
        let name = StreamName::parse("p1:/a/b:c").unwrap();
        assert_eq!(name.to_string(), "p1:/a/b");
        assert!(StreamName::parse("p1").is_err());
    }
}
