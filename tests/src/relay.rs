//! A TCP relay between a server and its directory that can be broken at will: for the server, the directory stops,
//! hangs, and comes back.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::ports::free_port;

/// What a connection meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Everything is passed on.
    Working,
    /// Connections are taken and nothing is ever answered, as by a machine that hangs.
    Hanging,
}

/// The relay. Dropping it closes everything.
#[derive(Debug)]
pub struct Relay {
    port: u16,
    target: SocketAddr,
    counts: Arc<Counts>,
    condition: watch::Sender<Condition>,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    accepting: JoinHandle<()>,
    open: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Counts {
    connections: AtomicUsize,
    records: AtomicUsize,
}

impl Relay {
    /// Starts on a free port, passing everything on to `target` on this machine.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(target: u16) -> Result<Relay> {
        let mut relay = Relay {
            port: free_port()?,
            target: SocketAddr::from((Ipv4Addr::LOCALHOST, target)),
            counts: Arc::default(),
            condition: watch::Sender::new(Condition::Working),
            running: None,
        };
        relay.resume().await?;
        Ok(relay)
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Connections taken until now.
    pub fn connections(&self) -> usize {
        self.counts.connections.load(Ordering::Relaxed)
    }

    /// TLS records with application data that the server sent to the directory until now. Each LDAP request is one, so
    /// that directory operations can be counted from outside.
    pub fn records(&self) -> usize {
        self.counts.records.load(Ordering::Relaxed)
    }

    /// Sets what connections meet, old ones too.
    pub fn set(&self, condition: Condition) {
        self.condition.send_replace(condition);
    }

    /// Closes every connection and the listener: the directory is gone.
    pub async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.accepting.abort();
            // The listener is closed when the task is gone, not before.
            let _ = running.accepting.await;
            running.open.send_replace(false);
        }
    }

    /// Listens again.
    ///
    /// # Errors
    /// When somebody else took the port meanwhile.
    pub async fn resume(&mut self) -> Result<()> {
        self.stop().await;
        let listener =
            listen(self.port).with_context(|| format!("cannot listen on port {}", self.port))?;
        let open = watch::Sender::new(true);
        let (target, counts) = (self.target, self.counts.clone());
        let (closing, condition) = (open.subscribe(), self.condition.subscribe());
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counts.connections.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(serve(
                    stream,
                    target,
                    counts.clone(),
                    closing.clone(),
                    condition.clone(),
                ));
            }
        });
        self.running = Some(Running { accepting, open });
        Ok(())
    }
}

fn listen(port: u16) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    // Connections of before may still be in TIME_WAIT.
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    socket.listen(128)
}

async fn serve(
    inside: TcpStream,
    target: SocketAddr,
    counts: Arc<Counts>,
    mut open: watch::Receiver<bool>,
    condition: watch::Receiver<Condition>,
) {
    let relayed = async {
        let outside = TcpStream::connect(target).await?;
        let (from_server, to_server) = inside.into_split();
        let (from_directory, to_directory) = outside.into_split();
        let up = copy(
            from_server,
            to_directory,
            condition.clone(),
            Some(&counts.records),
        );
        let down = copy(from_directory, to_server, condition.clone(), None);
        tokio::try_join!(up, down).map(|_| ())
    };
    // However a connection ends, there is nobody to tell.
    tokio::select! {
        _ = open.wait_for(|open| !open) => {}
        _ = relayed => {}
    }
}

async fn copy(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    mut condition: watch::Receiver<Condition>,
    records: Option<&AtomicUsize>,
) -> io::Result<()> {
    let mut buffer = vec![0_u8; 32 * 1024];
    let mut counter = RecordCounter::default();
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        if condition
            .wait_for(|condition| *condition == Condition::Working)
            .await
            .is_err()
        {
            return Ok(());
        }
        let read = buffer.get(..length).unwrap_or_default();
        if let Some(records) = records {
            records.fetch_add(counter.count(read), Ordering::Relaxed);
        }
        to.write_all(read).await?;
    }
}

/// Finds TLS records in a stream by their five-byte header (RFC 8446 5.1).
#[derive(Debug, Default)]
struct RecordCounter {
    header: Vec<u8>,
    body_left: usize,
}

impl RecordCounter {
    const APPLICATION_DATA: u8 = 23;

    fn count(&mut self, octets: &[u8]) -> usize {
        let mut records = 0;
        for octet in octets {
            if self.body_left > 0 {
                self.body_left -= 1;
                continue;
            }
            self.header.push(*octet);
            if let [kind, _, _, high, low] = self.header.as_slice() {
                records += usize::from(*kind == Self::APPLICATION_DATA);
                self.body_left = usize::from(u16::from_be_bytes([*high, *low]));
                self.header.clear();
            }
        }
        records
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_counted_however_they_are_cut() {
        let stream = [
            22, 3, 3, 0, 2, 9, 9, 23, 3, 3, 0, 3, 1, 2, 3, 23, 3, 3, 0, 0, 23, 3, 3, 0, 1, 7,
        ];
        for size in 1..=stream.len() {
            let mut counter = RecordCounter::default();
            let counted: usize = stream.chunks(size).map(|chunk| counter.count(chunk)).sum();
            assert_eq!(counted, 3, "in chunks of {size}");
        }
    }

    #[tokio::test]
    async fn it_passes_on_stops_and_comes_back() {
        let echo = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let target = echo.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = echo.accept().await {
                let mut octet = [0_u8; 1];
                while stream.read_exact(&mut octet).await.is_ok()
                    && stream.write_all(&octet).await.is_ok()
                {}
            }
        });
        let mut relay = Relay::start(target).await.unwrap();
        let ask = async |port: u16| -> io::Result<u8> {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
            stream.write_all(b"x").await?;
            stream.read_u8().await
        };
        assert_eq!(ask(relay.port()).await.unwrap(), b'x');
        relay.stop().await;
        assert!(ask(relay.port()).await.is_err());
        relay.resume().await.unwrap();
        assert_eq!(ask(relay.port()).await.unwrap(), b'x');
    }
}
