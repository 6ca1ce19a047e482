//! Numbers of things, in English.

/// `1 world`, `2 worlds`.
pub fn plural(count: u64, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        count => format!("{count} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_is_singular() {
        let shown = [0, 1, 2].map(|count| plural(count, "world"));
        assert_eq!(shown, ["0 worlds", "1 world", "2 worlds"]);
    }
}
