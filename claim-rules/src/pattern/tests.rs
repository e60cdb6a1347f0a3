//! .NET's behaviour as data.

use proptest::prelude::*;

use super::*;

fn pattern(text: &str) -> Pattern {
    Pattern::compile(text).unwrap_or_else(|error| panic!("{text}: {error} at {}", error.position()))
}

#[test]
fn what_matches() {
    let cases = [
        // Search, not whole match; case-sensitive unless told otherwise.
        ("b", "abc", true),
        ("B", "abc", false),
        ("^(?i)true$", "TRUE", true),
        ("a(?i)b", "AB", false),
        ("(a(?i)b)c", "aBC", false),
        ("(?i:a)b", "Ab", true),
        ("(?i)[a-c-[b]]", "B", false),
        ("(?i)[a-c-[b]]", "C", true),
        // The long s is no s, the Kelvin sign is a k.
        ("(?i)^admins$", "admin\u{17f}", false),
        ("(?i)^[a-z]+$", "admin\u{17f}", false),
        ("(?i)^k$", "\u{212a}", true),
        ("(?i)^zoë$", "ZOË", true),
        ("(?i)^[à-ö]$", "Ö", true),
        // Anchors.
        ("^a$", "a\n", true),
        ("^a\\z", "a\n", false),
        ("^a\\Z", "a\n", true),
        ("^b$", "a\nb\nc", false),
        ("(?m)^b$", "a\nb\nc", true),
        ("^a.b$", "a\nb", false),
        ("(?s)^a.b$", "a\nb", true),
        ("-515$", "S-1-5-21-1-2-3-515", true),
        // Classes.
        ("^[a-z-[aeiou]]+$", "bcd", true),
        ("^[a-z-[aeiou]]+$", "bad", false),
        ("^[^a-c-[x]]$", "y", true),
        ("^[^a-c-[x]]$", "x", false),
        ("^[]a]+$", "]a", true),
        ("^[^]a]$", "]", false),
        ("^[a-]+$", "-a", true),
        ("^[[a]$", "[", true),
        ("^[\\w.-]+$", "a_1.-", true),
        ("^[^\\W_]+$", "abc", true),
        ("^[^\\W_]+$", "a_c", false),
        ("^\\d+$", "\u{0663}", true),
        ("^\\w+$", "\u{e9}\u{203f}", true),
        ("^\\w$", "\u{24b6}", false),
        ("^[\\D]$", "7", false),
        ("^\\p{Lu}\\P{Lu}$", "Aa", true),
        ("\\bcat\\b", "a cat.", true),
        ("\\bcat\\b", "concat", false),
        ("\\bé\\b", "a é.", true),
        ("\\Bt", "at", true),
        ("^\\s$", "\u{a0}", true),
        ("^&&$", "&&", true),
        ("^[a&&b]+$", "&", true),
        ("^[a~~b]$", "~", true),
        // Groups, look-around, references.
        ("^(?!192\\.168\\.1\\.77|10\\.)", "192.168.1.77", false),
        ("^(?!192\\.168\\.1\\.77|10\\.)", "192.168.1.8", true),
        ("(?<=sales\\.)contoso", "sales.contoso", true),
        ("(?<!sales\\.)contoso", "sales.contoso", false),
        ("^(?'q'['\"]).*\\k'q'$", "'x'", true),
        ("^(?<q>a|b)-\\k<q>$", "a-b", false),
        ("^(a)(?<n>b)(c)\\2$", "abcc", true),
        ("^(a)(?<n>b)(c)\\3$", "abcb", true),
        ("(?i)^(a)\\1$", "aA", true),
        ("(?n)^(a)(?<n>b)\\1$", "abb", true),
        ("^(?>a+)ab", "aaab", false),
        ("(?x) ^ a b # note\n c $", "abc", true),
        ("^a(?#note)b$", "ab", true),
        // Quantifiers and escapes.
        ("^a{2,3}?$", "aaa", true),
        ("^a{,3}$", "a{,3}", true),
        ("^{a}$", "{a}", true),
        ("^\\x41\\u0042\\cA\\e\\011$", "AB\u{1}\u{1b}\t", true),
        ("^[\\b]$", "\u{8}", true),
        ("^\\\\$", "\\", true),
        ("", "", true),
        ("^(a|)$", "", true),
    ];
    for (text, input, expected) in cases {
        assert_eq!(
            pattern(text).is_match(input),
            Ok(expected),
            "{text:?} on {input:?}"
        );
    }
}

#[test]
fn what_is_refused() {
    let cases = [
        ("a**", "follows another"),
        ("a*+", "follows another"),
        ("*a", "follows nothing"),
        ("(a", "not closed"),
        ("a)", "too many closing"),
        ("[a", "not closed"),
        ("[b-a]", "wrong order"),
        ("a{3,2}", "wrong order"),
        ("\\", "backslash"),
        ("\\y", "unknown"),
        ("\\_", "unknown"),
        ("\\1", "does not have"),
        ("(a)\\2", "does not have"),
        ("\\103", "\\x"),
        ("\\k<n>", "does not have"),
        ("(?<o>a)(?<c-o>b)", "balancing"),
        ("(?<-o>a)", "balancing"),
        ("(?(1)a|b)", "conditional"),
        ("(?<1>a)", "explicit numbers"),
        ("(?<n>a)(?<n>b)", "twice"),
        ("(?<=(a))b", "look-behind"),
        ("(?P<n>a)", "unknown"),
        ("\\p{IsGreek}", "blocks"),
        ("(?i)\\p{Lu}", "under (?i)"),
        ("[[:alpha:]]", "no meaning"),
        ("\\Ga", "not supported"),
        ("\\ud800", "half a character"),
        ("(?#a", "not closed"),
    ];
    for (text, message) in cases {
        let error = Pattern::compile(text).expect_err(text);
        assert!(error.to_string().contains(message), "{text}: {error}");
    }
    for (text, at) in [("ab**", 3), ("a\\y", 2), ("(a)\\2", 4)] {
        assert_eq!(
            Pattern::compile(text).expect_err(text).position(),
            at,
            "{text}"
        );
    }
    assert!(Pattern::compile(&"(".repeat(100)).is_err());
    assert!(Pattern::compile(&"a".repeat(MAX_PATTERN + 1)).is_err());
    assert!(Pattern::compile("((((\\w{100}){100}){100}){100}){100}").is_err());
}

#[test]
fn what_replaces() {
    let cases = [
        (
            "CONTOSO\\ann",
            "(?<domain>[^\\\\]+)\\\\(?<user>.+)",
            "${user}",
            "ann",
        ),
        (
            "CONTOSO\\ann",
            "(?<d>[^\\\\]+)\\\\(.+)",
            "$1@$2",
            "ann@CONTOSO",
        ),
        (
            "CONTOSO\\ann",
            "^(?<domain>.+)\\\\.+$",
            "${domain}\\username",
            "CONTOSO\\username",
        ),
        ("ann@contoso.test", "@.*$", "", "ann"),
        ("ann@other.test", "@contoso\\.test$", "", "ann@other.test"),
        ("short", "(?<start>^.{1,50}).+$", "${start}", "shor"),
        ("a", "(?<start>^.{1,50}).+$", "${start}", "a"),
        ("a.b.c", "\\.", "-", "a-b-c"),
        ("abc", ".*", "x", "xx"),
        ("abc", "x*", "-", "-a-b-c-"),
        ("aüb", "x*", "-", "-a-ü-b-"),
        ("a1", "(a)(1)", "$2$1", "1a"),
        ("a1", "(a)", "$1a", "aa1"),
        ("ab", "(a)(b)", "$11$2", "a1b"),
        ("ab", "(a)", "$9${no}$$$&$0", "$9${no}$aab"),
        ("xay", "a", "[$`|$'|$_]", "x[x|y|xay]y"),
        ("ab", "(a)(?<n>b)", "$+", "b"),
        ("ab", "a", "$+", "ab"),
        ("b", "(a)?b", "[$1]", "[]"),
        (
            "ann@a.b.c.test",
            "^.*@([^.]+\\.)*?(?<domain>([^.]+\\.?){2})$",
            "${domain}|$1|$2",
            "c.test|b.|test",
        ),
        ("x", "x", "$ $", "$ $"),
    ];
    for (input, text, replacement, expected) in cases {
        let pattern = pattern(text);
        let replacement = Replacement::read(replacement, pattern.groups());
        assert_eq!(
            pattern.replace(input, &replacement, 1000).as_deref(),
            Ok(expected),
            "{text:?} on {input:?}"
        );
    }
}

#[test]
fn work_is_bounded() {
    let letters = format!("{}!", "a".repeat(40));
    // Linear without look-around, stopped with it.
    assert_eq!(pattern("^(a+)+$").is_match(&letters), Ok(false));
    assert_eq!(
        pattern("^(?=(a+)+$)(a+)+$\\1").is_match(&letters),
        Ok(false)
    );
    assert_eq!(
        pattern("^(?:(a+)+\\1?)+b$").is_match(&letters),
        Err(Limit::Backtracking)
    );
    let double = pattern("a");
    let replacement = Replacement::read("$_$_", double.groups());
    assert_eq!(
        double.replace(&"a".repeat(100), &replacement, 1000),
        Err(Limit::ValueLength)
    );
    assert_eq!(
        double.replace(
            &"a".repeat(20_000),
            &Replacement::read("", double.groups()),
            1000
        ),
        Err(Limit::Matches)
    );
}

proptest! {
    #[test]
    fn no_pattern_panics(text in "\\PC{0,30}", input in "\\PC{0,30}") {
        if let Ok(pattern) = Pattern::compile(&text) {
            let _ = pattern.is_match(&input);
            let _ = pattern.replace(&input, &Replacement::read("$1$+$_", pattern.groups()), 10_000);
        }
    }

    #[test]
    fn no_pattern_of_syntax_panics(text in "[a-c\\\\\\[\\](){}?*+|^$.,0-3:=!<>'imnx&~#-]{0,20}", input in "[a-c]{0,8}\n?") {
        if let Ok(pattern) = Pattern::compile(&text) {
            let _ = pattern.is_match(&input);
        }
    }

    #[test]
    fn escaped_text_finds_itself(input in "\\PC{1,20}") {
        let escaped: String = input.chars().map(|character| if character.is_alphanumeric() || character == '_' { character.to_string() } else { format!("\\{character}") }).collect();
        prop_assert_eq!(pattern(&format!("^{escaped}\\z")).is_match(&input), Ok(true));
    }
}
