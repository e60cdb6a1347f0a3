//! Real databases: SQLite always, PostgreSQL where its server is installed.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sqlx::Connection as _;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tempfile::TempDir;

use super::*;
use crate::config::{AttributeStoreKind, Configuration, Environment};

fn asked(text: &str, params: &[&str], columns: usize) -> StoreQuery {
    StoreQuery {
        store: "HR".to_owned(),
        query: text.to_owned(),
        params: params.iter().map(|param| (*param).to_owned()).collect(),
        columns,
    }
}

fn row(values: &[Option<&str>]) -> Vec<Option<String>> {
    values
        .iter()
        .map(|value| value.map(str::to_owned))
        .collect()
}

/// The store that these settings make.
fn store(folder: &Path, settings: &str) -> SqlStore {
    let configuration = format!(
        "[service]\nhost_name = \"sts.contoso.test\"\n[https]\ncertificate = \"c\"\nprivate_key = \"k\"\n\
         [directories.contoso]\nservers = [\"ldaps://dc1.contoso.test\"]\nbind_dn = \"CN=adfs\"\nbind_password_file = \"password\"\n\
         base_dn = \"DC=contoso,DC=test\"\nnet_bios_name = \"CONTOSO\"\n[attribute_stores.HR]\nkind = \"sql\"\n{settings}\n"
    );
    fs::write(folder.join("adfs.toml"), configuration).expect("a file");
    fs::write(folder.join("password"), "Pass@word1\n").expect("a file");
    let path = folder.join("adfs.toml");
    let loaded = Configuration::load_with(&path, &Environment::of([])).expect("a configuration");
    match &loaded.attribute_stores[0].kind {
        AttributeStoreKind::Sql(config) => SqlStore::new("HR", config),
        AttributeStoreKind::Ldap(_) => panic!("a directory"),
    }
}

async fn sqlite(settings: &str) -> (TempDir, SqlStore) {
    let folder = TempDir::new().expect("a folder");
    let options = SqliteConnectOptions::new()
        .filename(folder.path().join("hr.sqlite"))
        .create_if_missing(true);
    let mut connection = SqliteConnection::connect_with(&options)
        .await
        .expect("a database");
    let statements = "CREATE TABLE people (name TEXT, mail TEXT, number INTEGER, photo BLOB);
        INSERT INTO people VALUES ('alice', 'alice@contoso.test', 7, x'00ff');
        INSERT INTO people VALUES ('bob', NULL, -1, NULL);
        INSERT INTO people VALUES ('bob', 'bob@contoso.test', 1, x'')";
    sqlx::raw_sql(statements)
        .execute(&mut connection)
        .await
        .expect("tables");
    connection.close().await.expect("a closed database");
    let store = store(folder.path(), &format!("path = \"hr.sqlite\"\n{settings}"));
    (folder, store)
}

const MAIL: &str = "SELECT mail, number FROM people WHERE name = {0} ORDER BY number";

#[tokio::test]
async fn sqlite_answers_with_rows_and_columns() {
    let (_folder, store) = sqlite("").await;
    let cases: [(&str, &[&str], usize, Rows); 5] = [
        (
            MAIL,
            &["alice"],
            2,
            vec![row(&[Some("alice@contoso.test"), Some("7")])],
        ),
        (
            MAIL,
            &["bob"],
            2,
            vec![
                row(&[None, Some("-1")]),
                row(&[Some("bob@contoso.test"), Some("1")]),
            ],
        ),
        (MAIL, &["x' OR '1'='1"], 2, vec![]),
        (
            "SELECT photo FROM people WHERE name = {1}",
            &["unused", "alice"],
            1,
            vec![row(&[Some("AP8=")])],
        ),
        (
            "SELECT {0}, 1.5, 'it''s {{'",
            &["a'b"],
            3,
            vec![row(&[Some("a'b"), Some("1.5"), Some("it's {")])],
        ),
    ];
    for (text, params, columns, expected) in cases {
        let rows = store.query(&asked(text, params, columns)).await;
        assert_eq!(rows, Ok(expected), "{text} {params:?}");
    }
}

#[tokio::test]
async fn sqlite_is_only_read_and_bounded() {
    let (folder, store) = sqlite("max_rows = 2\ntimeout_seconds = 1").await;
    let endless =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
    for (text, columns, expected) in [
        ("DELETE FROM people", 1, "readonly"),
        (
            "INSERT INTO people VALUES ('eve', '', 0, NULL)",
            1,
            "readonly",
        ),
        (
            "ATTACH 'new.sqlite' AS new; CREATE TABLE new.t (a)",
            1,
            "unable to open",
        ),
        ("SELECT name FROM people", 1, "more than 2 rows"),
        (
            "SELECT name, mail FROM people",
            1,
            "returns 2 columns, and the rule has 1 types",
        ),
        ("SELECT absent FROM people", 1, "no such column"),
        (
            "SELECT zeroblob(100000)",
            1,
            "more text than claims can carry",
        ),
        (endless, 1, "in time"),
    ] {
        let start = Instant::now();
        let error = store
            .query(&asked(text, &[], columns))
            .await
            .expect_err(text);
        let message = error.to_string();
        assert!(
            message.contains(expected) || (text == endless && message.contains("interrupt")),
            "{text}: {message}"
        );
        assert!(start.elapsed() < Duration::from_secs(5), "{text}");
    }
    // After all that it still serves, and the endless query does not hold a connection.
    for _ in 0..=POOL_SIZE {
        let rows = store
            .query(&asked("SELECT count(*) FROM people", &[], 1))
            .await;
        assert_eq!(rows, Ok(vec![row(&[Some("3")])]));
    }
    fs::remove_file(folder.path().join("hr.sqlite")).expect("the file");
    let absent = self::store(folder.path(), "path = \"absent.sqlite\"");
    assert!(absent.query(&asked("SELECT 1", &[], 1)).await.is_err());
    assert!(
        !folder.path().join("absent.sqlite").exists(),
        "no file is made"
    );
}

/// A PostgreSQL server of this test's own.
struct Server {
    process: Child,
    port: u16,
    folder: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already, and there is nobody to tell.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    /// `None` where PostgreSQL is not installed.
    fn start() -> Option<Server> {
        let programs = programs()?;
        let folder = TempDir::new().expect("a folder");
        let data = folder.path().join("data");
        fs::create_dir(&data).expect("a folder");
        let password = folder.path().join("superuser-password");
        fs::write(&password, "Pass@word1").expect("a file");
        // PostgreSQL refuses to run as root.
        let owner = match folder.path().metadata().expect("a folder").uid() {
            0 => {
                for path in [folder.path(), &data, &password] {
                    chown(path, Some(NOBODY), Some(NOBODY)).expect("an owner");
                }
                Some(NOBODY)
            }
            _ => None,
        };
        let command = |program: &str| {
            let mut command = Command::new(programs.join(program));
            if let Some(owner) = owner {
                command.uid(owner).gid(owner);
            }
            command.current_dir(folder.path()).stdin(Stdio::null());
            command
        };
        let made = command("initdb")
            .args([
                "--username=postgres",
                "--auth=scram-sha-256",
                "--no-sync",
                "--encoding=UTF8",
                "--locale=C",
            ])
            .arg(format!("--pwfile={}", password.display()))
            .arg("--pgdata")
            .arg(&data)
            .output()
            .expect("initdb runs");
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a free port")
            .port();
        let mut process = command("postgres")
            .arg("-D")
            .arg(&data)
            .args([
                "-c",
                "listen_addresses=127.0.0.1",
                "-c",
                "unix_socket_directories=",
                "-c",
                "fsync=off",
            ])
            .args(["-c", &format!("port={port}")])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("postgres runs");
        let lines = BufReader::new(process.stderr.take().expect("a pipe")).lines();
        let mut log = Vec::new();
        let server = Server {
            process,
            port,
            folder,
        };
        let (told, ready) = std::sync::mpsc::channel();
        // Whoever stops reading makes the server wait for room in the pipe.
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let is_ready = line.contains("ready to accept connections");
                log.push(line);
                if is_ready {
                    let _ = told.send(());
                }
            }
            drop(told);
            log
        });
        ready
            .recv_timeout(Duration::from_secs(60))
            .expect("PostgreSQL is ready");
        Some(server)
    }
}

const NOBODY: u32 = 65534;

fn programs() -> Option<PathBuf> {
    let mut versions: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|folder| folder.join("initdb").is_file())
        .collect();
    versions.sort();
    versions.pop()
}

#[tokio::test]
async fn postgresql_answers_is_only_read_and_bounded() {
    let server =
        Server::start().expect("PostgreSQL: `make setup` installs the Debian package postgresql");
    let options = PgConnectOptions::new_without_pgpass()
        .host("127.0.0.1")
        .port(server.port)
        .username("postgres")
        .password("Pass@word1")
        .database("postgres");
    let mut connection = PgConnection::connect_with(&options)
        .await
        .expect("a server");
    let statements = "CREATE TABLE people (name text, mail varchar(50), number integer, active boolean, id uuid, photo bytea, born date);
        INSERT INTO people VALUES ('alice', 'alice@contoso.test', 7, true, '00112233-4455-6677-8899-aabbccddeeff', '\\x00ff', '2000-01-31');
        INSERT INTO people VALUES ('bob', NULL, NULL, NULL, NULL, NULL, NULL)";
    sqlx::raw_sql(statements)
        .execute(&mut connection)
        .await
        .expect("tables");
    let settings = format!(
        "url = \"postgresql://postgres@127.0.0.1:{}/postgres\"\npassword_file = \"password\"\nmax_rows = 2\ntimeout_seconds = 2",
        server.port
    );
    let hr = store(server.folder.path(), &settings);
    let everything =
        "SELECT mail, number, active, id, photo, CAST(born AS text) FROM people WHERE name = {0}";
    let cases: [(&str, &[&str], usize, Rows); 5] = [
        (
            everything,
            &["alice"],
            6,
            vec![row(&[
                Some("alice@contoso.test"),
                Some("7"),
                Some("true"),
                Some("00112233-4455-6677-8899-aabbccddeeff"),
                Some("AP8="),
                Some("2000-01-31"),
            ])],
        ),
        (everything, &["bob"], 6, vec![row(&[None; 6])]),
        (everything, &["x' OR '1'='1"], 6, vec![]),
        (
            "SELECT name FROM people WHERE number = CAST({0} AS integer)",
            &["7"],
            1,
            vec![row(&[Some("alice")])],
        ),
        (
            "SELECT {1}, {1}",
            &["unused", "a'b"],
            2,
            vec![row(&[Some("a'b"), Some("a'b")])],
        ),
    ];
    for (text, params, columns, expected) in cases {
        assert_eq!(
            hr.query(&asked(text, params, columns)).await,
            Ok(expected),
            "{text} {params:?}"
        );
    }
    for (text, expected) in [
        ("DELETE FROM people", "read-only transaction"),
        ("CREATE TABLE new (a text)", "read-only transaction"),
        ("SELECT 1; SELECT 2", "multiple commands"),
        ("SELECT generate_series(1, 3)", "more than 2 rows"),
        ("SELECT born FROM people", "write CAST(... AS text)"),
        (
            "SELECT repeat('x', 100000)",
            "more text than claims can carry",
        ),
        ("SELECT CAST(pg_sleep(60) AS text)", "time"),
    ] {
        let error = hr
            .query(&asked(text, &[], 1))
            .await
            .expect_err(text)
            .to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
    let count = hr
        .query(&asked("SELECT count(*) FROM people", &[], 1))
        .await;
    assert_eq!(
        count,
        Ok(vec![row(&[Some("2")])]),
        "it still serves, and nothing was deleted"
    );

    let wrong = store(
        server.folder.path(),
        &settings.replace("postgres@", "nobody@"),
    );
    let error = wrong
        .query(&asked("SELECT 1", &[], 1))
        .await
        .expect_err("a refusal")
        .to_string();
    assert!(!error.contains("Pass@word1"), "{error}");
    drop(server);
    let error = hr
        .query(&asked("SELECT count(*) FROM people", &[], 1))
        .await;
    assert!(error.is_err(), "the server is gone");
}
