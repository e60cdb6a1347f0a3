//! The syntax tree. Every part that a message may point at knows its place.

/// A range of bytes in the rule text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    pub(crate) fn to(self, other: Span) -> Span {
        Span {
            start: self.start,
            end: other.end,
        }
    }
}

/// Something with its place. Two are equal when their values are, wherever they stand, so that trees compare by meaning.
#[derive(Debug, Clone, Eq)]
pub struct Spanned<T> {
    /// What.
    pub value: T,
    /// Where.
    pub span: Span,
}

impl<T: PartialEq> PartialEq for Spanned<T> {
    fn eq(&self, other: &Spanned<T>) -> bool {
        self.value == other.value
    }
}

/// A rule set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SyntaxTree {
    /// In document order, which is the order of evaluation.
    pub rules: Vec<Spanned<Rule>>,
}

/// `annotations conditions => action;`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Metadata for user interfaces; no effect on evaluation.
    pub annotations: Vec<Annotation>,
    /// All must hold. Empty: the action runs once.
    pub conditions: Vec<Condition>,
    /// What to do.
    pub action: Action,
}

impl Rule {
    /// Value of the annotation `@RuleName`.
    pub fn name(&self) -> Option<&str> {
        let mut annotations = self.annotations.iter();
        annotations
            .find(|annotation| annotation.name.value.eq_ignore_ascii_case("RuleName"))
            .map(|found| found.value.value.as_str())
    }
}

/// `@name = "value"`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// Without `@`, as written.
    pub name: Spanned<String>,
    /// Without quotes.
    pub value: Spanned<String>,
}

/// One of the conditions that `&&` joins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// `name:[tests]`: the action runs for each matching claim.
    Selector {
        /// What the claim is called in the rest of the rule, as written.
        name: Option<Spanned<String>>,
        /// All must hold for the same claim.
        tests: Vec<Test>,
    },
    /// `EXISTS([tests])` or `NOT EXISTS([tests])`
    Exists {
        /// With `NOT`.
        negated: bool,
        /// As in a selector.
        tests: Vec<Test>,
    },
    /// `COUNT([tests]) comparison number`
    Count {
        /// As in a selector.
        tests: Vec<Test>,
        /// How the number of matching claims is compared.
        comparison: NumericComparison,
        /// With what.
        number: u64,
    },
}

/// `property comparison expression`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Test {
    /// Left side.
    pub property: Property,
    /// Operator.
    pub comparison: Comparison,
    /// Right side.
    pub expression: Spanned<Expression>,
}

/// A property of a claim (section 3.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Property {
    /// `Type`
    Type,
    /// `Value`
    Value,
    /// `Issuer`
    Issuer,
    /// `OriginalIssuer`
    OriginalIssuer,
    /// `ValueType`
    ValueType,
    /// `Properties["name"]`
    Named(String),
}

/// Comparison of texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`
    Matches,
    /// `!~`
    NotMatches,
}

/// Comparison of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumericComparison {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `>`
    Greater,
    /// `<`
    Less,
    /// `>=`
    GreaterOrEqual,
    /// `<=`
    LessOrEqual,
}

impl NumericComparison {
    /// Whether `left` stands to `right` as this says.
    pub fn holds(self, left: u64, right: u64) -> bool {
        match self {
            NumericComparison::Equal => left == right,
            NumericComparison::NotEqual => left != right,
            NumericComparison::Greater => left > right,
            NumericComparison::Less => left < right,
            NumericComparison::GreaterOrEqual => left >= right,
            NumericComparison::LessOrEqual => left <= right,
        }
    }
}

/// `verb(content)`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// Where the claims go.
    pub verb: Verb,
    /// Which claims.
    pub content: Content,
}

/// Where claims go (section 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Into the input set, for later rules, and the output set.
    Issue,
    /// Into the input set only.
    Add,
}

/// Which claims an action makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// `claim = name`
    Copy(Spanned<String>),
    /// `Type = ..., Value = ...`
    Create(Vec<Assignment>),
    /// `store = ..., types = (...), query = ..., param = ...`
    Query(Box<Query>),
}

/// `property = expression`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// Of the new claim.
    pub property: Spanned<Property>,
    /// Its text.
    pub expression: Spanned<Expression>,
}

/// A question to an attribute store (section 4.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Name of the store.
    pub store: Spanned<Expression>,
    /// Claim types, one for each column of the answer. Never empty.
    pub types: Vec<Spanned<Expression>>,
    /// Query text with placeholders.
    pub query: Spanned<Expression>,
    /// Values of the placeholders.
    pub params: Vec<Spanned<Expression>>,
}

/// `term + term + ...`, never empty. All expressions are texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression {
    /// To be joined.
    pub terms: Vec<Term>,
}

/// One part of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Term {
    /// `"text"`
    Text(String),
    /// `name.property`
    Reference {
        /// A selector's name, as written.
        name: Spanned<String>,
        /// Which of its properties.
        property: Property,
    },
    /// `RegExReplace(input, pattern, replacement)`
    RegExReplace(Box<[Spanned<Expression>; 3]>),
}
