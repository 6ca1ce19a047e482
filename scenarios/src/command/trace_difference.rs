//! Where two traces part: the first event that differs, under the last ones that both have, with the
//! words of it that differ marked.
//!
//! It compares lists of anything that can be compared and shown: events of a trace, or their lines.
//! Columns that are blank in all lines that are shown are left out, and long lines are cut.

use crate::palette::{BAD, DIM};
use anstyle::Style;
use std::fmt::Display;

/// So many common events are shown before the first that differs.
const COMMON_SHOWN: usize = 4;

/// Longer lines are cut, beside what differs in them.
const LINE_CHARS_MAX: usize = 120;

/// So much of the beginning of a line that is cut in its middle stays: when, where and what.
const BEGINNING_CHARS: usize = 48;

/// So much stays before the first word that differs.
const BEFORE_CHARS: usize = 24;

/// So many blank columns stay between others.
const BLANK_COLUMNS_MAX: usize = 2;

/// The place at which two lists part.
#[derive(Debug, PartialEq, Eq)]
pub struct Difference<'a, T> {
    /// How many events both have before it.
    pub common: usize,
    /// The first event that differs; none where the list has ended.
    pub one: Option<&'a T>,
    pub other: Option<&'a T>,
    /// The last of the common events.
    last_common: &'a [T],
}

/// None if they are the same.
pub fn first_difference<'a, T: PartialEq>(
    one: &'a [T],
    other: &'a [T],
) -> Option<Difference<'a, T>> {
    let pairs = one.iter().zip(other);
    let common = pairs.take_while(|(one, other)| one == other).count();
    let (its, others) = (one.get(common), other.get(common));
    (its.is_some() || others.is_some()).then_some(Difference {
        common,
        one: its,
        other: others,
        last_common: &one[common.saturating_sub(COMMON_SHOWN)..common],
    })
}

impl<T: Display> Difference<'_, T> {
    /// The number of the first event that differs, from 1.
    pub fn number(&self) -> usize {
        self.common + 1
    }

    /// One above the other, each behind its label; a line of text for each event, and one of marks
    /// below each of the two that differ.
    pub fn text(&self, labels: [&str; 2]) -> String {
        let labels_width = labels.iter().map(|label| label.chars().count()).max();
        let labels_width = labels_width.unwrap_or(0);
        let number_width = self.number().to_string().len();
        let beginning = |label: &str, number: &str| {
            format!("  {DIM}{label:<labels_width$}  {number:>number_width$}{DIM:#} ")
        };
        let [one, other] = [self.one, self.other].map(|event| match event {
            Some(event) => event.to_string(),
            None => "(the end)".to_owned(),
        });
        let [its, others] = differing_words(&one, &other);
        let common = self.last_common.iter();
        let common = common.map(|event| Line::of(&event.to_string(), &[]));
        let parting = [Line::of(&one, &its), Line::of(&other, &others)];
        let mut lines: Vec<Line> = common.chain(parting).collect();
        leave_out_blank_columns(&mut lines);

        let labels = std::iter::repeat_n("", self.last_common.len()).chain(labels);
        let first_number = self.number() - self.last_common.len();
        let numbers = (first_number..=self.number()).chain([self.number()]);
        let mut text = String::new();
        for ((label, number), mut line) in labels.zip(numbers).zip(lines) {
            line.cut();
            text += &format!("{}{}\n", beginning(label, &number.to_string()), line.text());
            if let Some(marks) = line.marks() {
                let indent = beginning("", "");
                text += &format!("{indent}{BAD}{marks}{BAD:#}\n");
            }
        }
        text
    }
}

/// The words of a line, one after the other: a run of letters that belong together, such as a name, a
/// number, a path or a time; or any other sign.
pub fn words(line: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let (word, behind) = rest.split_at(word_bytes(rest).max(first.len_utf8()));
        words.push(word);
        rest = behind;
    }
    words
}

/// How long the word is that begins a text; 0 if a sign begins it.
fn word_bytes(text: &str) -> usize {
    let is_inside = |letter: char| letter.is_alphanumeric() || "_-./".contains(letter);
    let is_digit = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_digit());
    let mut before = None;
    let ends_at = |(at, letter): (usize, char)| {
        let is_in_time =
            letter == ':' && is_digit(before) && is_digit(text[at + 1..].chars().next());
        before = Some(letter);
        (!is_inside(letter) && !is_in_time).then_some(at)
    };
    let end = text.char_indices().find_map(ends_at);
    end.unwrap_or(text.len())
}

/// Which words of each line differ from the other's. Where one has more words than the other, all
/// between the common beginning and the common end.
fn differing_words(one: &str, other: &str) -> [Vec<bool>; 2] {
    let (one, other) = (words(one), words(other));
    if one.len() == other.len() {
        let differing: Vec<bool> = one.iter().zip(&other).map(|(a, b)| a != b).collect();
        return [differing.clone(), differing];
    }
    let is_common = |(a, b): &(&&str, &&str)| a == b;
    let shorter = one.len().min(other.len());
    let before = one.iter().zip(&other).take_while(is_common).count();
    let after = one.iter().rev().zip(other.iter().rev());
    let after = after.take_while(is_common).count().min(shorter - before);
    [&one, &other].map(|words| {
        let between = before..words.len() - after;
        (0..words.len()).map(|at| between.contains(&at)).collect()
    })
}

/// A line as it is shown: its letters, and which of them differ.
struct Line(Vec<(char, bool)>);

impl Line {
    fn of(text: &str, differing: &[bool]) -> Line {
        let words = words(text);
        let marked = differing.iter().copied().chain(std::iter::repeat(false));
        let letters = words.iter().zip(marked).flat_map(|(word, is_marked)| {
            // What would break the line in a terminal.
            let shown = word.chars().map(|c| if c.is_control() { ' ' } else { c });
            shown.map(move |letter| (letter, is_marked && !letter.is_whitespace()))
        });
        Line(letters.collect())
    }

    fn cut(&mut self) {
        let Line(letters) = self;
        if letters.len() <= LINE_CHARS_MAX {
            return;
        }
        let first_mark = letters.iter().position(|(_, is_marked)| *is_marked);
        let from = first_mark.unwrap_or(0).saturating_sub(BEFORE_CHARS);
        if from > BEGINNING_CHARS && first_mark > Some(LINE_CHARS_MAX / 2) {
            letters.splice(BEGINNING_CHARS..from, [('…', false)]);
        }
        if letters.len() > LINE_CHARS_MAX {
            letters.truncate(LINE_CHARS_MAX - 1);
            letters.push(('…', false));
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for run in self.0.chunk_by(|(_, one), (_, other)| one == other) {
            let letters: String = run.iter().map(|(letter, _)| letter).collect();
            let style = if run[0].1 { BAD } else { Style::new() };
            text += &format!("{style}{letters}{style:#}");
        }
        text
    }

    /// A sign below each letter that differs; none if none does.
    fn marks(&self) -> Option<String> {
        let marks = self.0.iter().map(|(_, is_marked)| match is_marked {
            true => '^',
            false => ' ',
        });
        let marks: String = marks.collect();
        let marks = marks.trim_end();
        (!marks.is_empty()).then(|| marks.to_owned())
    }
}

/// Of columns beside each other that are blank in every line only the first few stay.
fn leave_out_blank_columns(lines: &mut [Line]) {
    let width = lines.iter().map(|Line(letters)| letters.len()).max();
    let is_blank = |column: usize| {
        let mut letters = lines.iter().map(|Line(letters)| letters.get(column));
        letters.all(|letter| letter.is_none_or(|(letter, _)| *letter == ' '))
    };
    let mut blank = 0;
    let mut stays = Vec::new();
    for column in 0..width.unwrap_or(0) {
        blank = if is_blank(column) { blank + 1 } else { 0 };
        stays.push(blank <= BLANK_COLUMNS_MAX);
    }
    for Line(letters) in lines {
        let mut stays = stays.iter();
        letters.retain(|_| *stays.next().expect("no line is wider than the widest"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(one: &[&str], other: &[&str]) -> String {
        let difference = first_difference(one, other).expect("they differ");
        let text = difference.text(["alone", "after another"]);
        anstream::adapter::strip_str(&text).to_string()
    }

    #[test]
    fn the_same_traces_do_not_part() {
        assert_eq!(first_difference(&["a", "b"], &["a", "b"]), None);
        assert_eq!(first_difference::<&str>(&[], &[]), None);
    }

    #[test]
    fn they_part_at_the_first_event_that_differs() {
        let difference = first_difference(&["a", "b", "x"], &["a", "c", "x"]).unwrap();
        assert_eq!(difference.number(), 2);
        assert_eq!((difference.one, difference.other), (Some(&"b"), Some(&"c")));
    }

    #[test]
    fn one_may_end_before_the_other() {
        let difference = first_difference(&["a"], &[]).unwrap();
        assert_eq!((difference.one, difference.other), (Some(&"a"), None));
        let text = plain(&["same"], &["same", "one more"]);
        assert!(text.contains("alone          2 (the end)\n"), "{text}");
    }

    #[test]
    fn the_last_common_events_stand_above_and_the_differing_words_are_marked() {
        let mut one: Vec<String> = (1..=9).map(|n| format!("event {n}")).collect();
        let mut other = one.clone();
        one.push("10 commit of /a draw 17, #3".to_owned());
        other.push("10 commit of /a draw 9999, #3".to_owned());
        let text = first_difference(&one, &other).unwrap();
        let text = text.text(["alone", "after another"]);
        let expected = [
            "                  6 event 6",
            "                  7 event 7",
            "                  8 event 8",
            "                  9 event 9",
            "  alone          10 10 commit of /a draw 17, #3",
            "                                         ^^",
            "  after another  10 10 commit of /a draw 9999, #3",
            "                                         ^^^^",
        ];
        let text = anstream::adapter::strip_str(&text).to_string();
        assert_eq!(text.lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn words_that_differ_apart_are_marked_apart() {
        let text = plain(&["1 call x on a@1 first"], &["2 call x on a@3 first"]);
        let marks: Vec<&str> = text.lines().filter(|line| line.contains('^')).collect();
        assert_eq!(marks, ["                   ^             ^"; 2]);
    }

    #[test]
    fn names_numbers_paths_and_times_are_words() {
        let line = "3.25 put /a/b-c {\"at\":\"20:00:07.059Z\",\"n\":17} é";
        let expected = [
            "3.25",
            " ",
            "put",
            " ",
            "/a/b-c",
            " ",
            "{",
            "\"",
            "at",
            "\"",
            ":",
            "\"",
            "20:00:07.059Z",
            "\"",
            ",",
            "\"",
            "n",
            "\"",
            ":",
            "17",
            "}",
            " ",
            "é",
        ];
        assert_eq!(words(line), expected);
        assert_eq!(words(line).concat(), line);
    }

    #[test]
    fn where_one_line_has_more_words_all_between_is_marked() {
        let text = plain(&["sent [a] to b"], &["sent [a, c, d] to b"]);
        let marks: Vec<&str> = text.lines().filter(|line| line.contains('^')).collect();
        assert_eq!(marks, ["                          ^ ^^ ^"]);
    }

    #[test]
    fn columns_that_are_blank_in_all_lines_are_left_out() {
        let text = plain(
            &["    a      b  same", "  x a    1"],
            &["    a      b  same", "  x a    2"],
        );
        let lines: Vec<&str> = text.lines().map(|line| &line[19..]).collect();
        let expected = [
            "    a    b  same",
            "  x a  1",
            "       ^",
            "  x a  2",
            "       ^",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_long_line_is_cut_beside_what_differs() {
        let long =
            |word: &str| format!("0.1 place {} {word} {}", "x ".repeat(300), "y ".repeat(300));
        let (one, other) = (long("17"), long("42"));
        let text = plain(&[&one], &[&other]);
        let lines: Vec<&str> = text.lines().collect();
        let cut = lines[0].chars().count();
        assert!(cut < LINE_CHARS_MAX + 24, "{cut}");
        assert!(lines[0].contains("0.1 place x x"), "{}", lines[0]);
        assert!(lines[0].contains(" 17 y y"), "{}", lines[0]);
        let at = |line: &str, letter| line.chars().position(|found| found == letter);
        assert_eq!(at(lines[0], '7').map(|at| at - 1), at(lines[1], '^'));
        assert_eq!(lines[1].matches('^').count(), 2);
    }
}
