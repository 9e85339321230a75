//! A slow link between a client and the stand-in: what a registry far away feels like.
//!
//! Each request waits for its latency, and each connection carries so many bytes a second in either direction, as single
//! streams to a registry do. Time is the machine's: this is for measurements, not for tests.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep, sleep_until};

/// How slow a link is. The default is as fast as the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// How long each request waits before it is looked at.
    pub latency: Duration,
    /// The bytes a second of one connection, in each direction; `None` for no bound.
    pub rate: Option<u64>,
}

impl Link {
    /// Waits for the latency.
    pub(super) async fn wait(&self) {
        if !self.latency.is_zero() {
            sleep(self.latency).await;
        }
    }
}

/// The pieces in which a bounded connection is read and written: small beside what it carries in a second.
const PIECE: usize = 64 * 1024;
/// Shorter waits than this are saved up: timers are no finer.
const TICK: Duration = Duration::from_millis(2);

/// What a busy machine was late may be made up for, as the buffers of a network do: up to this.
const CREDIT: Duration = Duration::from_millis(50);

/// A connection of bounded rate.
pub(super) struct Paced {
    stream: TcpStream,
    reading: Pace,
    writing: Pace,
}

/// One direction.
struct Pace {
    rate: Option<u64>,
    /// When the bytes that passed have had their time.
    free_at: Instant,
    wait: Option<Pin<Box<Sleep>>>,
}

impl Pace {
    fn new(rate: Option<u64>) -> Self {
        Self { rate, free_at: Instant::now(), wait: None }
    }

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Some(wait) = &mut self.wait {
            ready!(wait.as_mut().poll(context));
            self.wait = None;
        }
        Poll::Ready(())
    }

    fn passed(&mut self, bytes: usize) {
        let Some(rate) = self.rate.filter(|rate| *rate > 0) else { return };
        let now = Instant::now();
        let from = now.checked_sub(CREDIT).map_or(self.free_at, |earliest| self.free_at.max(earliest));
        self.free_at = from + Duration::from_secs_f64(bytes as f64 / rate as f64);
        if self.free_at.saturating_duration_since(now) >= TICK {
            self.wait = Some(Box::pin(sleep_until(self.free_at)));
        }
    }
}

impl Paced {
    /// Bounds a connection.
    pub(super) fn new(stream: TcpStream, link: Link) -> Self {
        Self { stream, reading: Pace::new(link.rate), writing: Pace::new(link.rate) }
    }

    /// Returns the connection itself.
    pub(super) fn into_inner(self) -> TcpStream {
        self.stream
    }
}

impl AsyncRead for Paced {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.reading.rate.is_none() {
            return Pin::new(&mut this.stream).poll_read(context, buffer);
        }
        ready!(this.reading.poll_ready(context));
        let room = buffer.remaining().min(PIECE);
        let mut piece = ReadBuf::new(buffer.initialize_unfilled_to(room));
        ready!(Pin::new(&mut this.stream).poll_read(context, &mut piece))?;
        let read = piece.filled().len();
        buffer.advance(read);
        this.reading.passed(read);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Paced {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.writing.poll_ready(context));
        let piece = if this.writing.rate.is_some() { &bytes[..bytes.len().min(PIECE)] } else { bytes };
        let written = ready!(Pin::new(&mut this.stream).poll_write(context, piece))?;
        this.writing.passed(written);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn a_bounded_connection_carries_its_rate_and_all_its_bytes() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let sent = vec![7; 300_000];
        let sending = tokio::spawn({
            let sent = sent.clone();
            async move { TcpStream::connect(address).await.expect("a connection").write_all(&sent).await }
        });
        let (stream, _) = listener.accept().await.expect("a client");
        let link = Link { rate: Some(3_000_000), ..Link::default() };
        let (started, mut received) = (Instant::now(), Vec::new());
        Paced::new(stream, link).read_to_end(&mut received).await.expect("its bytes");
        assert_eq!(received, sent);
        assert!(started.elapsed() >= Duration::from_millis(60), "{:?}", started.elapsed());
        sending.await.expect("no panic").expect("sent");
    }
}
