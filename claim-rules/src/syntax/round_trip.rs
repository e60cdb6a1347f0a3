//! Whatever tree there is, printing and parsing it gives it back.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{
    Action, Annotation, Assignment, Comparison, Condition, Content, Expression, NumericComparison,
    Property, Query, Rule, Span, Spanned, SyntaxTree, Term, Test, Verb, parse,
};

fn spanned<T>(value: T) -> Spanned<T> {
    Spanned {
        value,
        span: Span::default(),
    }
}

fn name() -> impl Strategy<Value = Spanned<String>> {
    "[a-zA-Z_][a-zA-Z0-9_]{0,6}".prop_map(spanned)
}

fn text() -> impl Strategy<Value = String> {
    "[^\"\\r\\n]{0,12}"
}

fn property() -> impl Strategy<Value = Property> {
    prop_oneof![
        Just(Property::Type),
        Just(Property::Value),
        Just(Property::Issuer),
        Just(Property::OriginalIssuer),
        Just(Property::ValueType),
        text().prop_map(Property::Named),
    ]
}

fn expression() -> impl Strategy<Value = Spanned<Expression>> {
    let leaf = prop_oneof![
        text().prop_map(Term::Text),
        (name(), property()).prop_map(|(name, property)| Term::Reference { name, property }),
    ];
    let join = |terms| spanned(Expression { terms });
    let term = leaf.prop_recursive(3, 12, 3, move |inner| {
        let argument = || vec(inner.clone(), 1..3).prop_map(join);
        (argument(), argument(), argument())
            .prop_map(|(a, b, c)| Term::RegExReplace(Box::new([a, b, c])))
    });
    vec(term, 1..3).prop_map(join)
}

fn tests() -> impl Strategy<Value = Vec<Test>> {
    let comparison = prop_oneof![
        Just(Comparison::Equal),
        Just(Comparison::NotEqual),
        Just(Comparison::Matches),
        Just(Comparison::NotMatches),
    ];
    let test =
        (property(), comparison, expression()).prop_map(|(property, comparison, expression)| {
            Test {
                property,
                comparison,
                expression,
            }
        });
    vec(test, 0..3)
}

fn condition() -> impl Strategy<Value = Condition> {
    let numeric = prop_oneof![
        Just(NumericComparison::Equal),
        Just(NumericComparison::NotEqual),
        Just(NumericComparison::Greater),
        Just(NumericComparison::Less),
        Just(NumericComparison::GreaterOrEqual),
        Just(NumericComparison::LessOrEqual),
    ];
    prop_oneof![
        (proptest::option::of(name()), tests())
            .prop_map(|(name, tests)| Condition::Selector { name, tests }),
        (any::<bool>(), tests()).prop_map(|(negated, tests)| Condition::Exists { negated, tests }),
        (tests(), numeric, any::<u64>()).prop_map(|(tests, comparison, number)| Condition::Count {
            tests,
            comparison,
            number
        }),
    ]
}

fn content() -> impl Strategy<Value = Content> {
    let assignment =
        (property().prop_map(spanned), expression()).prop_map(|(property, expression)| {
            Assignment {
                property,
                expression,
            }
        });
    let distinct = |assignments: Vec<Assignment>| {
        let mut kept: Vec<Assignment> = Vec::new();
        for assignment in assignments {
            if !kept
                .iter()
                .any(|earlier| earlier.property == assignment.property)
            {
                kept.push(assignment);
            }
        }
        Content::Create(kept)
    };
    let query = (
        expression(),
        vec(expression(), 1..3),
        expression(),
        vec(expression(), 0..3),
    )
        .prop_map(|(store, types, query, params)| {
            Content::Query(Box::new(Query {
                store,
                types,
                query,
                params,
            }))
        });
    prop_oneof![
        name().prop_map(Content::Copy),
        vec(assignment, 1..4).prop_map(distinct),
        query
    ]
}

fn rule() -> impl Strategy<Value = Spanned<Rule>> {
    let annotation =
        (name(), text().prop_map(spanned)).prop_map(|(name, value)| Annotation { name, value });
    let verb = prop_oneof![Just(Verb::Issue), Just(Verb::Add)];
    (
        vec(annotation, 0..3),
        vec(condition(), 0..3),
        verb,
        content(),
    )
        .prop_map(|(annotations, conditions, verb, content)| {
            spanned(Rule {
                annotations,
                conditions,
                action: Action { verb, content },
            })
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn printing_and_parsing_gives_the_tree_back(rules in vec(rule(), 0..4)) {
        let tree = SyntaxTree { rules };
        let parsed = parse(&tree.to_string());
        prop_assert_eq!(parsed.map(|parsed| parsed.tree), Ok(tree));
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,200}") {
        let _ = parse(&text);
    }

    #[test]
    fn no_shuffled_tokens_make_the_parser_panic(
        words in vec(prop::sample::select(vec![
            "c", ":", "[", "]", "Type", "==", "\"a\"", "=>", "issue", "(", ")", "claim", "=", ";", "&&", "exists", "not", "count", ">", "1",
            "RegExReplace", ",", "+", ".", "Value", "store", "types", "query", "param", "@", "Properties", "\n",
        ]), 0..40)
    ) {
        if let Ok(parsed) = parse(&words.join(" ")) {
            prop_assert_eq!(parse(&parsed.tree.to_string()).map(|again| again.tree), Ok(parsed.tree));
        }
    }
}
