//! How often things happened, in columns: a name and a number each, and a zero that stands out.

use crate::palette::{BAD, DIM};

/// Letters in a line, at most, as long as one name and its number fit.
const LINE_WIDTH: usize = 110;

/// Two blanks before each, down the columns, then to the right.
pub fn columns(counts: &[(&str, u64)]) -> String {
    let name_width = counts.iter().map(|(name, _)| name.chars().count()).max();
    let number_width = counts
        .iter()
        .map(|(_, count)| count.to_string().len())
        .max();
    let (Some(name_width), Some(number_width)) = (name_width, number_width) else {
        return String::new();
    };
    let columns = (LINE_WIDTH / (2 + name_width + 1 + number_width)).clamp(1, counts.len());
    let rows = counts.len().div_ceil(columns);
    let mut text = String::new();
    for row in 0..rows {
        for (name, count) in counts.iter().skip(row).step_by(rows) {
            let style = if *count == 0 { BAD } else { DIM };
            let padding = " ".repeat(name_width - name.chars().count());
            text += &format!("  {style}{name}{style:#}{padding} ");
            text += &match count {
                0 => format!("{BAD}{count:>number_width$}{BAD:#}"),
                count => format!("{count:>number_width$}"),
            };
        }
        text += "\n";
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(counts: &[(&str, u64)]) -> String {
        anstream::adapter::strip_str(&columns(counts)).to_string()
    }

    #[test]
    fn names_go_down_the_columns() {
        assert_eq!(plain(&[("a", 1)]), "  a 1\n");
        let names: Vec<String> = (0..5).map(|n| format!("{n}{}", "-".repeat(30))).collect();
        let counts: Vec<(&str, u64)> = names.iter().map(|name| (name.as_str(), 12)).collect();
        let text = plain(&counts);
        let firsts: Vec<Vec<&str>> = (text.lines())
            .map(|line| {
                line.split_whitespace()
                    .step_by(2)
                    .map(|name| &name[..1])
                    .collect()
            })
            .collect();
        assert_eq!(firsts, [vec!["0", "2", "4"], vec!["1", "3"]]);
    }

    #[test]
    fn a_zero_stands_out() {
        let zero = format!("{BAD}0{BAD:#}");
        assert!(columns(&[("a", 0), ("b", 7)]).contains(&zero));
        assert!(!columns(&[("b", 10)]).contains(&BAD.to_string()));
        assert_eq!(columns(&[]), "");
    }
}
