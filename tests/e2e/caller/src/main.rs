//! `caller HOST:PORT CLIENTS [NAME]`: so many clients place orders over and over, each time by a connection of its own, so that
//! each call is routed anew; with a name they ask for that host, as who calls a gateway does. Twice a second a line says how many calls were answered and how many were not, and why the last one was not.
//!
//! It needs nothing but itself, so its image is one file.

use std::io::{Error, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How long one call may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two calls of one client: enough load to notice a gap of some milliseconds, and no more.
const PAUSE: Duration = Duration::from_millis(10);

#[derive(Default)]
struct Count {
    answered: AtomicU64,
    failed: AtomicU64,
    last: Mutex<String>,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (Some(host), Some(clients)) = (arguments.first(), arguments.get(1).and_then(|text| text.parse::<u16>().ok()))
    else {
        eprintln!("usage: caller HOST:PORT CLIENTS [NAME]");
        std::process::exit(2);
    };
    let address = loop {
        match host.to_socket_addrs().map(|mut found| found.next()) {
            Ok(Some(address)) => break address,
            _ => std::thread::sleep(Duration::from_millis(200)), // Its name may be younger than this pod.
        }
    };
    let name = arguments.get(2).unwrap_or(host);
    let count = Arc::new(Count::default());
    for _ in 0..clients {
        let (count, name) = (count.clone(), name.clone());
        std::thread::spawn(move || {
            loop {
                match call(address, &name) {
                    Ok(()) => drop(count.answered.fetch_add(1, Ordering::Relaxed)),
                    Err(error) => {
                        count.failed.fetch_add(1, Ordering::Relaxed);
                        *count.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = error.to_string();
                    }
                }
                std::thread::sleep(PAUSE);
            }
        });
    }
    loop {
        std::thread::sleep(Duration::from_millis(500));
        let last = count.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        let (answered, failed) = (count.answered.load(Ordering::Relaxed), count.failed.load(Ordering::Relaxed));
        println!("answered {answered} failed {failed} {last}");
    }
}

/// One call. The front door's own word for what it does not do yet is an answer; a gateway's or proxy's word that it found
/// nobody is none.
fn call(address: SocketAddr, name: &str) -> Result<(), Error> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let request = format!("POST /v1/orders HTTP/1.1\r\nHost: {name}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    match answer.split(' ').nth(1) {
        Some("200" | "501") if answer.contains("\r\n\r\n") => Ok(()),
        Some(code) => Err(Error::other(format!("status {code}"))),
        None => Err(ErrorKind::UnexpectedEof.into()),
    }
}
