//! A server whose answers are bytes: what no well-behaved library would send.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// One request, as it came.
pub(crate) struct RawRequest {
    /// `METHOD TARGET`.
    pub(crate) line: String,
    /// The head without its first line.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    /// The server's `HOST:PORT`.
    pub(crate) address: String,
}

impl RawRequest {
    /// Returns the value of a header; names are in lower case on the wire.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")))
    }

    pub(crate) fn method(&self) -> &str {
        self.line.split(' ').next().unwrap_or_default()
    }
}

/// What goes back.
pub(crate) struct RawAnswer {
    bytes: Vec<u8>,
    close: bool,
}

impl RawAnswer {
    /// Answers with these bytes and keeps the connection.
    pub(crate) fn bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), close: false }
    }

    /// Answers with a status, headers (each with its line end) and a body of known length.
    pub(crate) fn of(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let head = format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n", body.len());
        Self::bytes([head.as_bytes(), body].concat())
    }

    /// Replaces the first place of a text in the head.
    pub(crate) fn replaced(mut self, text: &str, by: &str) -> Self {
        let at = self.bytes.windows(text.len()).position(|window| window == text.as_bytes());
        if let Some(at) = at {
            self.bytes.splice(at..at + text.len(), by.bytes());
        }
        self
    }

    /// Closes the connection behind the answer.
    pub(crate) fn closing(self) -> Self {
        Self { close: true, ..self }
    }
}

/// A loopback server of the test. Its threads end with their connections.
pub(crate) struct RawServer {
    address: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl RawServer {
    pub(crate) fn start(answer: impl Fn(&RawRequest) -> RawAnswer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let (answer, seen) = (Arc::new(answer), Arc::<Mutex<Vec<String>>>::default());
        let (own, log) = (address.clone(), Arc::clone(&seen));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (answer, own, log) = (Arc::clone(&answer), own.clone(), Arc::clone(&log));
                std::thread::spawn(move || {
                    // The other side may go at any time.
                    let _ = serve(stream, &own, &log, &*answer);
                });
            }
        });
        Self { address, seen }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Returns the first lines of all requests so far.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().expect("no panic").clone()
    }
}

fn serve(
    stream: TcpStream,
    address: &str,
    log: &Mutex<Vec<String>>,
    answer: &(dyn Fn(&RawRequest) -> RawAnswer + Send + Sync),
) -> std::io::Result<()> {
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") && head != "\r\n" {
            if reader.read_line(&mut head)? == 0 {
                return Ok(());
            }
        }
        let line = line.rsplit_once(' ').map(|(line, _)| line.to_owned()).unwrap_or_default();
        let mut request = RawRequest { line, head, body: Vec::new(), address: address.to_owned() };
        let length = request.header("content-length").and_then(|length| length.trim().parse().ok()).unwrap_or(0);
        request.body.resize(length, 0);
        reader.read_exact(&mut request.body)?;
        log.lock().expect("no panic").push(request.line.clone());
        let RawAnswer { bytes, close } = answer(&request);
        writer.write_all(&bytes)?;
        if close {
            return writer.shutdown(std::net::Shutdown::Both);
        }
    }
}
