//! The syntax tree as rule text, laid out as AD FS's templates do.

use std::fmt::{self, Display, Formatter};

use super::tree::{
    Action, Annotation, Comparison, Condition, Content, Expression, NumericComparison, Property,
    Rule, SyntaxTree, Term, Test, Verb,
};

fn list<T: Display>(
    f: &mut Formatter<'_>,
    items: impl IntoIterator<Item = T>,
    separator: &str,
) -> fmt::Result {
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            f.write_str(separator)?;
        }
        item.fmt(f)?;
    }
    Ok(())
}

impl Display for SyntaxTree {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        list(f, self.rules.iter().map(|rule| &rule.value), "\n\n")
    }
}

impl Display for Rule {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for annotation in &self.annotations {
            writeln!(f, "{annotation}")?;
        }
        if !self.conditions.is_empty() {
            list(f, &self.conditions, "\n && ")?;
            f.write_str("\n ")?;
        }
        write!(f, "=> {};", self.action)
    }
}

impl Display for Annotation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "@{} = \"{}\"", self.name.value, self.value.value)
    }
}

struct Tests<'a>(&'a [Test]);

impl Display for Tests<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        list(f, self.0, ", ")?;
        f.write_str("]")
    }
}

impl Display for Condition {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Condition::Selector {
                name: Some(name),
                tests,
            } => write!(f, "{}:{}", name.value, Tests(tests)),
            Condition::Selector { name: None, tests } => Tests(tests).fmt(f),
            Condition::Exists {
                negated: true,
                tests,
            } => write!(f, "NOT EXISTS({})", Tests(tests)),
            Condition::Exists {
                negated: false,
                tests,
            } => write!(f, "EXISTS({})", Tests(tests)),
            Condition::Count {
                tests,
                comparison,
                number,
            } => write!(f, "COUNT({}) {comparison} {number}", Tests(tests)),
        }
    }
}

impl Display for Test {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} {}",
            self.property, self.comparison, self.expression.value
        )
    }
}

impl Display for Comparison {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Comparison::Equal => "==",
            Comparison::NotEqual => "!=",
            Comparison::Matches => "=~",
            Comparison::NotMatches => "!~",
        })
    }
}

impl Display for NumericComparison {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NumericComparison::Equal => "==",
            NumericComparison::NotEqual => "!=",
            NumericComparison::Greater => ">",
            NumericComparison::Less => "<",
            NumericComparison::GreaterOrEqual => ">=",
            NumericComparison::LessOrEqual => "<=",
        })
    }
}

impl Display for Property {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Property::Type => f.write_str("Type"),
            Property::Value => f.write_str("Value"),
            Property::Issuer => f.write_str("Issuer"),
            Property::OriginalIssuer => f.write_str("OriginalIssuer"),
            Property::ValueType => f.write_str("ValueType"),
            Property::Named(name) => write!(f, "Properties[\"{name}\"]"),
        }
    }
}

impl Display for Action {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self.verb {
            Verb::Issue => "issue(",
            Verb::Add => "add(",
        })?;
        match &self.content {
            Content::Copy(name) => write!(f, "claim = {}", name.value)?,
            Content::Create(assignments) => {
                let written = |assignment: &super::Assignment| {
                    format!(
                        "{} = {}",
                        assignment.property.value, assignment.expression.value
                    )
                };
                list(f, assignments.iter().map(written), ", ")?;
            }
            Content::Query(query) => {
                write!(f, "store = {}, types = (", query.store.value)?;
                list(
                    f,
                    query.types.iter().map(|claim_type| &claim_type.value),
                    ", ",
                )?;
                write!(f, "), query = {}", query.query.value)?;
                for param in &query.params {
                    write!(f, ", param = {}", param.value)?;
                }
            }
        }
        f.write_str(")")
    }
}

impl Display for Expression {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        list(f, &self.terms, " + ")
    }
}

impl Display for Term {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Term::Text(text) => write!(f, "\"{text}\""),
            Term::Reference { name, property } => write!(f, "{}.{property}", name.value),
            Term::RegExReplace(arguments) => {
                f.write_str("RegExReplace(")?;
                list(f, arguments.iter().map(|argument| &argument.value), ", ")?;
                f.write_str(")")
            }
        }
    }
}
