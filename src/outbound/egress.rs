//! Where a call may go: the URL is judged before anything is sent, and the address before it is connected to.
//!
//! With a list of allowed hosts the list decides; without one, an endpoint must be neither this machine nor its link,
//! where a cloud's metadata service answers with credentials. Addresses that carry an IPv4 address inside are judged
//! by that one too, because the network may translate them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use thiserror::Error;
use url::{Host, Url};

/// The longest URL that is called, in bytes.
const MAX_URL: usize = 2_048;

/// Why a call was not made. Texts may name a host, so they are sanitised before anybody reads them.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refused {
    #[error("the URL is malformed")]
    Malformed,
    #[error("only http and https are called")]
    Scheme,
    #[error("credentials in a URL are refused")]
    Credentials,
    #[error("host not allowed: {0}")]
    NotListed(String),
    #[error("host not allowed: {0} is {1}")]
    Address(String, &'static str),
}

/// The URL to call. `allowed` are the platform's patterns, where it has any: `pay.example` is that host, `*.example`
/// every subdomain of it, and an IP address is matched as it is written. Case does not matter.
///
/// # Errors
/// [`Refused`] where rule 10 forbids the call. A name is judged again by [`judge_resolved`] once it is resolved.
pub fn judge(url: &str, allowed: Option<&[String]>) -> Result<Url, Refused> {
    if url.len() > MAX_URL {
        return Err(Refused::Malformed);
    }
    let mut url = Url::parse(url).map_err(|_| Refused::Malformed)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Refused::Scheme);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Refused::Credentials);
    }
    let host = url.host().ok_or(Refused::Malformed)?;
    match allowed {
        Some(patterns) if !patterns.iter().any(|pattern| admits(pattern, &host)) => {
            return Err(Refused::NotListed(host.to_string()));
        }
        Some(_) => {}
        None => {
            if let Some(why) = literal(&host).and_then(|address| forbidden(address, false)) {
                return Err(Refused::Address(host.to_string(), why));
            }
        }
    }
    url.set_fragment(None);
    Ok(url)
}

/// Whether an address that `name` resolved to may be connected to; `listed` says that the name is on the platform's
/// list, which may name what is on this machine but not what is on its link.
///
/// # Errors
/// [`Refused::Address`] where it may not.
pub fn judge_resolved(name: &str, address: IpAddr, listed: bool) -> Result<(), Refused> {
    forbidden(address, listed).map_or(Ok(()), |why| Err(Refused::Address(name.to_owned(), why)))
}

fn literal(host: &Host<&str>) -> Option<IpAddr> {
    match host {
        Host::Domain(_) => None,
        Host::Ipv4(address) => Some((*address).into()),
        Host::Ipv6(address) => Some((*address).into()),
    }
}

fn admits(pattern: &str, host: &Host<&str>) -> bool {
    match host {
        // A name may end in the root's dot; it is the same name.
        Host::Domain(name) => {
            let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
            let pattern = pattern.strip_suffix('.').unwrap_or(pattern).to_ascii_lowercase();
            match pattern.strip_prefix("*.") {
                Some("") => false,
                Some(parent) => name.strip_suffix(parent).is_some_and(|sub| sub.len() > 1 && sub.ends_with('.')),
                None => name == pattern,
            }
        }
        Host::Ipv4(address) => pattern == address.to_string(),
        Host::Ipv6(address) => pattern.trim_matches(['[', ']']).eq_ignore_ascii_case(&address.to_string()),
    }
}

/// Why nothing may be sent to this address, if so.
fn forbidden(address: IpAddr, listed: bool) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => forbidden_v4(address, listed),
        IpAddr::V6(address) => forbidden_v6(address, listed),
    }
}

fn forbidden_v4(address: Ipv4Addr, listed: bool) -> Option<&'static str> {
    if address.octets()[0] == 0 {
        return Some("unspecified");
    }
    // 100.100.100.200 is where one cloud serves its metadata.
    if address.is_link_local() || address == Ipv4Addr::new(100, 100, 100, 200) {
        return Some("link-local");
    }
    if address.is_multicast() || address.is_broadcast() {
        return Some("multicast");
    }
    (address.is_loopback() && !listed).then_some("loopback")
}

fn forbidden_v6(address: Ipv6Addr, listed: bool) -> Option<&'static str> {
    if address.is_unspecified() {
        return Some("unspecified");
    }
    if address.is_loopback() {
        return (!listed).then_some("loopback");
    }
    // fd00:ec2::254 is where one cloud serves its metadata over IPv6.
    if address.segments()[0] & 0xffc0 == 0xfe80 || address == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254) {
        return Some("link-local");
    }
    if address.is_multicast() {
        return Some("multicast");
    }
    // Translators read 64:ff9b:1::/48 in more than one way.
    let translated = !listed && matches!(address.segments(), [0x64, 0xff9b, 1, ..]);
    embedded(address).and_then(|inner| forbidden_v4(inner, listed)).or(translated.then_some("translated"))
}

/// The IPv4 address that an IPv6 address stands for: mapped, compatible, NAT64 (well-known and local) and 6to4.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let pair = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match address.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x64, 0xff9b, 1, _, _, _, high, low]
        | [0x2002, high, low, ..] => Some(pair(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(patterns: &[&str]) -> Vec<String> {
        patterns.iter().map(|pattern| (*pattern).to_owned()).collect()
    }

    #[test]
    fn without_a_list_neither_this_machine_nor_its_link_is_called() {
        for (url, why) in [
            ("http://127.0.0.1/", "loopback"),
            ("http://127.9.9.9:8080/", "loopback"),
            ("http://2130706433/", "loopback"),
            ("http://0x7f.1/", "loopback"),
            ("http://0177.0.0.1/", "loopback"),
            ("http://127.0.0.1./", "loopback"),
            ("http://[::1]/", "loopback"),
            ("http://[::ffff:127.0.0.1]/", "loopback"),
            ("http://[::ffff:7f00:1]/", "loopback"),
            ("http://[::127.0.0.1]/", "loopback"),
            ("http://[64:ff9b::127.0.0.1]/", "loopback"),
            ("http://[64:ff9b::a9fe:a9fe]/", "link-local"),
            ("http://[64:ff9b:1::169.254.169.254]/", "link-local"),
            ("http://[64:ff9b:1:a9fe:a9:fe00:808:808]/", "translated"),
            ("http://[2002:7f00:1::]/", "loopback"),
            ("http://100.100.100.200/", "link-local"),
            ("http://169.254.169.254/latest/meta-data", "link-local"),
            ("http://[fe80::1]/", "link-local"),
            ("http://[febf::1]/", "link-local"),
            ("http://[fd00:ec2::254]/", "link-local"),
            ("http://[::ffff:169.254.169.254]/", "link-local"),
            ("http://0.0.0.0/", "unspecified"),
            ("http://0/", "unspecified"),
            ("http://0.1.2.3/", "unspecified"),
            ("http://[::]/", "unspecified"),
            ("http://[::ffff:0.0.0.0]/", "unspecified"),
            ("http://224.0.0.1/", "multicast"),
            ("http://255.255.255.255/", "multicast"),
            ("http://[ff02::1]/", "multicast"),
        ] {
            match judge(url, None) {
                Err(Refused::Address(_, given)) => assert_eq!(given, why, "{url}"),
                other => panic!("{url}: {other:?}"),
            }
        }
        for url in ["http://pay.example/x", "https://10.0.0.7:8443/", "http://[2001:db8::1]/", "http://[fc00::1]/"] {
            assert!(judge(url, None).is_ok(), "{url}");
        }
    }

    #[test]
    fn only_http_without_credentials_is_called() {
        let allowed = listed(&["pay.example"]);
        for (url, why) in [
            ("ftp://pay.example/", Refused::Scheme),
            ("file:///etc/passwd", Refused::Scheme),
            ("gopher://pay.example/", Refused::Scheme),
            ("http://user@pay.example/", Refused::Credentials),
            ("http://user:word@pay.example/", Refused::Credentials),
            ("http://:word@pay.example/", Refused::Credentials),
            ("http://pay.example@evil.example/", Refused::Credentials),
            ("pay.example", Refused::Malformed),
            ("http://", Refused::Malformed),
            ("", Refused::Malformed),
        ] {
            assert_eq!(judge(url, Some(&allowed)), Err(why.clone()), "{url}");
            assert_eq!(judge(url, None), Err(why), "{url}");
        }
        assert_eq!(judge(&format!("http://pay.example/{}", "x".repeat(3_000)), None), Err(Refused::Malformed));
        let url = judge("HTTP://PAY.example/a?b=c#d", Some(&allowed)).unwrap();
        assert_eq!(url.as_str(), "http://pay.example/a?b=c");
    }

    #[test]
    fn a_list_decides_by_the_host_as_it_is_written() {
        for (patterns, url, admitted) in [
            (&["*.example"][..], "http://pay.example/", true),
            (&["*.example"], "http://a.b.example/", true),
            (&["*.EXAMPLE"], "http://Pay.Example./", true),
            (&["*.example"], "http://example/", false),
            (&["*.example"], "http://badexample/", false),
            (&["*.example"], "http://pay.example.evil/", false),
            (&["*.pay.example"], "http://pay.example/", false),
            (&["*.pay.example"], "http://xpay.example/", false),
            (&["pay.example"], "http://PAY.example:8080/", true),
            (&["pay.example"], "http://api.pay.example/", false),
            (&["*"], "http://pay.example/", false),
            (&["*."], "http://pay.example/", false),
            (&[""], "http://pay.example/", false),
            (&[], "http://pay.example/", false),
            (&["127.0.0.1"], "http://127.0.0.1:9/", true),
            (&["127.0.0.1"], "http://2130706433/", true),
            (&["127.0.0.1"], "http://127.0.0.2/", false),
            (&["*.0.0.1"], "http://127.0.0.1/", false),
            (&["127.0.0.1"], "http://[::ffff:127.0.0.1]/", false),
            (&["::1"], "http://[::1]/", true),
            (&["[::1]"], "http://[0:0::1]/", true),
            (&["169.254.169.254"], "http://169.254.169.254/", true),
            (&["a.example", "b.example"], "http://b.example/", true),
        ] {
            assert_eq!(judge(url, Some(&listed(patterns))).is_ok(), admitted, "{patterns:?} {url}");
        }
    }

    #[test]
    fn what_a_name_resolves_to_is_judged_too() {
        let judged = |address: &str, listed| judge_resolved("pay.example", address.parse().unwrap(), listed).is_ok();
        for (address, unlisted, listed) in [
            ("203.0.113.7", true, true),
            ("10.0.0.7", true, true),
            ("2001:db8::7", true, true),
            ("127.0.0.1", false, true),
            ("::1", false, true),
            ("::ffff:127.0.0.1", false, true),
            ("169.254.169.254", false, false),
            ("::ffff:169.254.169.254", false, false),
            ("fe80::1", false, false),
            ("0.0.0.0", false, false),
            ("::", false, false),
            ("224.0.0.1", false, false),
        ] {
            assert_eq!(judged(address, false), unlisted, "{address}");
            assert_eq!(judged(address, true), listed, "{address}");
        }
    }
}
