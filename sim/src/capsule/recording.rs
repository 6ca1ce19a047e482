//! The trace of a capsule's world, line by line, packed: so that a replay which takes another course
//! can show where. Deflated and in base64, a line of a few kilobytes.

use data_encoding::BASE64;
use miniz_oxide::{deflate::compress_to_vec, inflate::decompress_to_vec_with_limit};
use serde::{de::Error, Deserialize, Deserializer, Serialize, Serializer};

/// More lines than this are not kept: what differs first differs early.
const LINES_MAX: usize = 20_000;
/// More text than this is none of ours.
const UNPACKED_BYTES_MAX: usize = 32 << 20;
const COMPRESSION: u8 = 9;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    packed: Vec<u8>,
}

#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    #[error("it is not base64: {0}")]
    NotBase64(data_encoding::DecodeError),
    #[error("it cannot be unpacked: {0}")]
    NotPacked(miniz_oxide::inflate::DecompressError),
    #[error("it is not text once unpacked")]
    NotText,
}

impl Recording {
    pub fn pack<L: AsRef<str>>(lines: impl IntoIterator<Item = L>) -> Self {
        let mut text = String::new();
        for line in lines.into_iter().take(LINES_MAX) {
            text.push_str(line.as_ref());
            text.push('\n');
        }
        Recording {
            packed: compress_to_vec(text.as_bytes(), COMPRESSION),
        }
    }

    /// # Errors
    /// It was not packed by [`Recording::pack`].
    pub fn lines(&self) -> Result<Vec<String>, RecordingError> {
        let bytes = decompress_to_vec_with_limit(&self.packed, UNPACKED_BYTES_MAX)
            .map_err(RecordingError::NotPacked)?;
        let text = String::from_utf8(bytes).map_err(|_| RecordingError::NotText)?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// There may be more lines in the trace than were recorded.
    pub fn is_cut(lines: usize) -> bool {
        lines >= LINES_MAX
    }
}

impl Serialize for Recording {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(&self.packed))
    }
}

impl<'de> Deserialize<'de> for Recording {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let packed = BASE64.decode(text.as_bytes());
        let packed = packed.map_err(|error| D::Error::custom(RecordingError::NotBase64(error)))?;
        let recording = Recording { packed };
        recording.lines().map_err(D::Error::custom)?;
        Ok(recording)
    }
}
