//! What rules cost: reading them, running them, and recording what they did.
#![expect(
    clippy::expect_used,
    reason = "rules that do not compile end the bench"
)]

use std::hint::black_box;

use claim_rules::{
    AttributeStore, AttributeStores, Claim, NoStores, Rows, RuleSet, StoreError, StoreQuery, entra,
};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

const M8: &str = "http://schemas.microsoft.com/ws/2008/06/identity/claims/";
const GROUPS: usize = 50;

/// Answers every query with one row, at once.
struct Directory;

impl AttributeStore for Directory {
    fn query(&self, query: &StoreQuery) -> Result<Rows, StoreError> {
        Ok(vec![vec![
            Some("ann@contoso.com".to_owned());
            query.columns
        ]])
    }
}

impl AttributeStores for Directory {
    fn store(&self, _name: &str) -> Option<&dyn AttributeStore> {
        Some(self)
    }
}

/// What the acceptance rules let through for a user with some groups.
fn user() -> Vec<Claim> {
    let mut claims = vec![
        Claim::new(format!("{M8}windowsaccountname"), "CONTOSO\\ann"),
        Claim::new(
            format!("{M8}primarysid"),
            "S-1-5-21-1004336348-1177238915-682003330-1105",
        ),
        Claim::new(
            "http://schemas.microsoft.com/ws/2012/01/insidecorporatenetwork",
            "false",
        ),
        Claim::new(
            "http://schemas.microsoft.com/claims/authnmethodsreferences",
            "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport",
        ),
    ];
    let sid = |number: usize| {
        format!(
            "S-1-5-21-1004336348-1177238915-682003330-{}",
            2_000 + number
        )
    };
    claims.extend((0..GROUPS).map(|number| Claim::new(format!("{M8}groupsid"), sid(number))));
    claims
        .into_iter()
        .map(|claim| claim.issued_by("AD AUTHORITY"))
        .collect()
}

fn entra_rules(c: &mut Criterion) {
    let text = entra::default_rules(&["contoso.com", "fabrikam.com"], &[]).expect("rules");
    let rules = RuleSet::compile(&text).expect("rules");
    let user = user();
    let mut group = c.benchmark_group("Entra ID rule set, user with 50 groups");
    group.bench_function("parse and compile", |b| {
        b.iter(|| RuleSet::compile(black_box(&text)))
    });
    group.bench_function("evaluate", |b| {
        b.iter(|| rules.evaluate(black_box(user.clone()), &Directory))
    });
    group.bench_function("parse, compile and evaluate", |b| {
        b.iter(|| {
            RuleSet::compile(black_box(&text)).map(|rules| rules.evaluate(user.clone(), &Directory))
        })
    });
    group.bench_function("evaluate with a record", |b| {
        b.iter(|| rules.explain(black_box(user.clone()), &Directory))
    });
    group.finish();
}

/// Ten rules of the usual kinds, for a user with a few groups.
fn ten_rules(c: &mut Criterion) {
    let text = r#"
        c:[Type == "upn"] => issue(claim = c);
        c:[Type == "mail"] => issue(Type = "email", Value = c.Value);
        c:[Type == "upn"] => issue(Type = "issuerid", Value = RegExReplace(c.Value, ".+@(?<domain>.+)", "http://${domain}/adfs/services/trust/"));
        c:[Type == "groupsid", Value == "S-1-5-21-1-2-3-2001"] => issue(Type = "role", Value = "Sales");
        c:[Type == "groupsid", Value =~ "-515$"] => issue(Type = "accounttype", Value = "DJ");
        NOT EXISTS([Type == "accounttype", Value == "DJ"]) => add(Type = "accounttype", Value = "User");
        a:[Type == "accounttype", Value == "User"] && b:[Type == "upn"] => issue(Type = "name", Value = b.Value);
        EXISTS([Type == "role"]) => issue(Type = "employee", Value = "true");
        c:[Type == "insidecorporatenetwork"] => issue(claim = c);
        COUNT([Type == "groupsid"]) > 3 => issue(Type = "many", Value = "true");
    "#;
    let rules = RuleSet::compile(text).expect("rules");
    let mut claims = vec![
        Claim::new("upn", "ann@contoso.com"),
        Claim::new("mail", "ann.ames@contoso.com"),
        Claim::new("insidecorporatenetwork", "false"),
    ];
    claims.extend(
        (2_000..2_005).map(|number| Claim::new("groupsid", format!("S-1-5-21-1-2-3-{number}"))),
    );
    c.bench_function("ten rules without store queries", |b| {
        b.iter(|| rules.evaluate(black_box(claims.clone()), &NoStores))
    });
}

fn growth(c: &mut Criterion) {
    let rules =
        RuleSet::compile("c:[Type == \"groupsid\", Value =~ \"-515$\"] => issue(claim = c);")
            .expect("rules");
    let mut group = c.benchmark_group("one condition, by number of claims");
    for count in [10_u64, 100, 1_000, 10_000] {
        let claims: Vec<Claim> = (0..count)
            .map(|number| Claim::new("groupsid", format!("S-1-5-21-1-2-3-{number}")))
            .collect();
        group.throughput(Throughput::Elements(count));
        // The claims are made outside of the time that is taken.
        group.bench_with_input(BenchmarkId::from_parameter(count), &claims, |b, claims| {
            b.iter_batched(
                || claims.clone(),
                |claims| rules.evaluate(claims, &NoStores),
                criterion::BatchSize::LargeInput,
            )
        });
    }
    group.finish();
}

criterion_group!(benches, entra_rules, ten_rules, growth);
criterion_main!(benches);
