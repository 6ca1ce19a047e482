//! Rules by their slug. Unlike a sorted map it keeps their order, which is that of their reactions: a
//! rule stays where it was first configured.

use super::contract::Rule;
use serde::{
    de::{MapAccess, Visitor},
    Deserialize, Deserializer, Serialize, Serializer,
};
use std::fmt;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules(Vec<(String, Rule)>);

impl Rules {
    /// Adds a rule, or replaces the one of that slug.
    pub fn insert(&mut self, slug: String, rule: Rule) {
        match self.0.iter_mut().find(|(known, _)| *known == slug) {
            Some((_, known)) => *known = rule,
            None => self.0.push((slug, rule)),
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Rule)> {
        self.0.iter().map(|(slug, rule)| (slug.as_str(), rule))
    }
}

impl Serialize for Rules {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Rules {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Rules;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("rules by their slug")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Rules, A::Error> {
                let mut rules = Rules::default();
                while let Some((slug, rule)) = map.next_entry()? {
                    rules.insert(slug, rule);
                }
                Ok(rules)
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(matcher: &str) -> Rule {
        Rule {
            matcher: matcher.to_owned(),
            reactions: Vec::new(),
        }
    }

    #[test]
    fn a_rule_that_is_configured_anew_keeps_its_place() {
        let mut rules = Rules::default();
        for (slug, matcher) in [("b", "1"), ("a", "2"), ("b", "3")] {
            rules.insert(slug.to_owned(), rule(matcher));
        }
        let json = serde_json::to_string(&rules).unwrap();
        assert_eq!(
            json,
            r#"{"b":{"matcher":"3","reactions":[]},"a":{"matcher":"2","reactions":[]}}"#
        );
        assert_eq!(serde_json::from_str::<Rules>(&json).unwrap(), rules);
    }
}
