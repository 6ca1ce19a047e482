//! Slack's signature: HMAC-SHA256 over `v0:<timestamp>:<raw body>`, hex, after `v0=` (peers §4.6).
//!
//! The body is signed byte for byte as sent, so it is verified before it is parsed. The comparison
//! takes the same time wherever the first difference is.

use super::settings::TIMESTAMP_TOLERANCE_S;
use hmac::{Hmac, KeyInit, Mac};
use runtime::event::Timestamp;
use sha2::Sha256;

pub const TIMESTAMP_HEADER: &str = "x-slack-request-timestamp";
pub const SIGNATURE_HEADER: &str = "x-slack-signature";

const VERSION: &str = "v0";

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    #[error("signature or timestamp is missing or malformed")]
    Malformed,
    #[error("timestamp is more than {TIMESTAMP_TOLERANCE_S} s from now")]
    Stale,
    #[error("signature does not fit the body")]
    Mismatch,
}

/// Checks the two headers against the raw body.
///
/// # Errors
/// The body is not from Slack, or not from now.
pub fn verify(
    secret: &str,
    now: Timestamp,
    timestamp: &str,
    signature: &str,
    body: &[u8],
) -> Result<(), SignatureError> {
    let signed_at_s: i64 = timestamp.parse().map_err(|_| SignatureError::Malformed)?;
    let now_s = now.unix_ms.div_euclid(1_000);
    if now_s.abs_diff(signed_at_s) > TIMESTAMP_TOLERANCE_S {
        return Err(SignatureError::Stale);
    }
    let code = signature
        .strip_prefix(VERSION)
        .and_then(|rest| rest.strip_prefix('='))
        .and_then(|code| hex::decode(code).ok())
        .ok_or(SignatureError::Malformed)?;
    authentication(secret, timestamp, body)
        .verify_slice(&code)
        .map_err(|_| SignatureError::Mismatch)
}

/// The signature header for a body, as Slack computes it.
pub fn sign(secret: &str, timestamp: &str, body: &[u8]) -> String {
    let code = authentication(secret, timestamp, body).finalize();
    format!("{VERSION}={}", hex::encode(code.into_bytes()))
}

fn authentication(secret: &str, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
    let mut authentication =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    authentication.update(format!("{VERSION}:{timestamp}:").as_bytes());
    authentication.update(body);
    authentication
}

#[cfg(test)]
mod tests {
    use super::{super::settings::SIGNING_SECRET, *};

    /// The sample of Slack's documentation, "Verifying requests from Slack".
    const TIMESTAMP: &str = "1531420618";
    const BODY: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow\
        &channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner\
        &command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands\
        %2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN\
        &trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const SIGNATURE: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";

    fn verify_at(
        now_s: i64,
        timestamp: &str,
        signature: &str,
        body: &str,
    ) -> Result<(), SignatureError> {
        let now = Timestamp::from_unix_ms(now_s * 1_000);
        verify(SIGNING_SECRET, now, timestamp, signature, body.as_bytes())
    }

    #[test]
    fn slacks_documented_sample_verifies() {
        assert_eq!(sign(SIGNING_SECRET, TIMESTAMP, BODY.as_bytes()), SIGNATURE);
        assert_eq!(verify_at(1_531_420_618, TIMESTAMP, SIGNATURE, BODY), Ok(()));
    }

    #[test]
    fn a_timestamp_may_be_five_minutes_away_either_way() {
        for (shift_s, outcome) in [
            (-301, Err(SignatureError::Stale)),
            (-300, Ok(())),
            (300, Ok(())),
            (301, Err(SignatureError::Stale)),
        ] {
            assert_eq!(
                verify_at(1_531_420_618 + shift_s, TIMESTAMP, SIGNATURE, BODY),
                outcome,
                "{shift_s} s"
            );
        }
    }

    #[test]
    fn another_body_secret_version_or_timestamp_does_not_verify() {
        let now_s = 1_531_420_618;
        let altered = BODY.replacen("xyzz", "xyzZ", 1);
        assert_eq!(
            verify_at(now_s, TIMESTAMP, SIGNATURE, &altered),
            Err(SignatureError::Mismatch)
        );
        assert_eq!(
            verify_at(now_s, "1531420619", SIGNATURE, BODY),
            Err(SignatureError::Mismatch)
        );
        let other = sign("another secret", TIMESTAMP, BODY.as_bytes());
        assert_eq!(
            verify_at(now_s, TIMESTAMP, &other, BODY),
            Err(SignatureError::Mismatch)
        );
        assert_eq!(
            verify_at(now_s, TIMESTAMP, &SIGNATURE[..SIGNATURE.len() - 2], BODY),
            Err(SignatureError::Mismatch)
        );
        for malformed in ["", "v0=", &SIGNATURE.replacen("v0", "v1", 1), "v0=zz"] {
            assert!(
                verify_at(now_s, TIMESTAMP, malformed, BODY).is_err(),
                "{malformed:?}"
            );
        }
        assert_eq!(
            verify_at(now_s, "now", SIGNATURE, BODY),
            Err(SignatureError::Malformed)
        );
    }
}
