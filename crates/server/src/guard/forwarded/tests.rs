//! Tables of what proxies write, and properties of whatever else may stand there.

use hyper::header::HeaderValue;
use proptest::prelude::*;

use super::*;

const PROXY: &str = "10.0.0.1";

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// 10.0.0.0/8 and 2001:db8:a::/48 are ours.
fn proxies() -> Proxies {
    Proxies::new(&["10.0.0.0/8", "2001:db8:a::/48"].map(|text| text.parse().expect("a network")))
}

fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).expect("a value"));
    }
    headers
}

fn visit(lines: &[(&str, &str)]) -> Result<Visit, Refusal> {
    Visit::of(ip(PROXY), &headers(lines), &proxies())
}

fn address(lines: &[(&str, &str)]) -> (String, bool) {
    let visit = visit(lines).expect("no contradiction");
    (visit.address.to_string(), visit.known)
}

#[test]
fn the_visitor_is_the_rightmost_who_is_not_trusted() {
    for (entries, visitor, known) in [
        ("192.0.2.7", "192.0.2.7", true),
        ("6.6.6.6, 192.0.2.7", "192.0.2.7", true), // whatever the visitor claims to have come through
        ("6.6.6.6,192.0.2.7 ,\t10.0.0.9", "192.0.2.7", true),
        ("unknown, 192.0.2.7", "192.0.2.7", true),
        ("192.0.2.7:4711", "192.0.2.7", true),
        ("[2001:db8:b::7]:4711, 2001:db8:a::1", "2001:db8:b::7", true),
        ("10.0.0.8, 10.0.0.9", "10.0.0.8", false), // nobody but ours
        // What is no address ends the walk, and nobody beyond it is believed.
        ("192.0.2.7, rubbish", PROXY, false),
        ("192.0.2.7, unknown, 10.0.0.9", "10.0.0.9", false),
        ("192.0.2.7,, 10.0.0.9", "10.0.0.9", false),
        ("192.0.2.7,", PROXY, false),
        ("", PROXY, false),
    ] {
        assert_eq!(
            address(&[("x-forwarded-for", entries)]),
            (visitor.into(), known),
            "{entries:?}"
        );
    }
    let two_lines = [
        ("x-forwarded-for", "6.6.6.6, 192.0.2.7"),
        ("x-forwarded-for", "10.0.0.9"),
    ];
    assert_eq!(address(&two_lines), ("192.0.2.7".into(), true), "lines are one list");
    let no_text = [("x-forwarded-for", "192.0.2.7"), ("x-forwarded-for", "\u{e9}")];
    assert_eq!(address(&no_text), (PROXY.into(), false));
    assert_eq!(address(&[]), (PROXY.into(), false));
}

#[test]
fn forwarded_says_the_same_with_scheme_and_host() {
    for (elements, visitor, known) in [
        ("for=192.0.2.7", "192.0.2.7", true),
        ("for=6.6.6.6, for=192.0.2.7;by=10.0.0.1", "192.0.2.7", true),
        (
            r#"for="[2001:db8:b::7]:4711";proto=https, For=10.0.0.9"#,
            "2001:db8:b::7",
            true,
        ),
        ("for=192.0.2.7, for=unknown", PROXY, false),
        ("for=192.0.2.7, for=_hidden, for=10.0.0.9", "10.0.0.9", false),
        ("for=192.0.2.7, proto=https", PROXY, false),
        // Quotes that a visitor leaves open swallow nothing that the proxy appends.
        (r#"for="6.6.6.6, for=192.0.2.7"#, "192.0.2.7", true),
        // A host that a visitor chose, in the proxy's own element.
        (r#"for=192.0.2.7;host="x, for=6.6.6.6, y""#, PROXY, false),
    ] {
        assert_eq!(
            address(&[("forwarded", elements)]),
            (visitor.into(), known),
            "{elements:?}"
        );
    }
    let seen = visit(&[(
        "forwarded",
        r#"for=192.0.2.7;proto=https;host="feed.example.org:8443", for=10.0.0.9;proto=http;host=inside"#,
    )])
    .expect("no contradiction");
    assert_eq!(seen.scheme, Some(Scheme::Https), "of the visitor's own hop");
    assert_eq!(
        seen.host.map(|host| host.to_string()).as_deref(),
        Some("feed.example.org:8443")
    );
}

#[test]
fn scheme_and_host_are_the_last_proxys_word() {
    let seen =
        |lines: &[(&str, &str)]| visit(lines).map(|visit| (visit.scheme, visit.host.map(|host| host.to_string())));
    for (proto, scheme) in [
        ("https", Some(Scheme::Https)),
        ("HTTPS", Some(Scheme::Https)),
        ("wss", Some(Scheme::Https)), // Traefik
        ("http", Some(Scheme::Http)),
        ("https, http", Some(Scheme::Http)),
        ("gopher", None),
        ("", None),
    ] {
        assert_eq!(seen(&[("x-forwarded-proto", proto)]), Ok((scheme, None)), "{proto}");
    }
    assert_eq!(
        seen(&[("x-forwarded-host", "evil.example, Feed.example.org:8443")]),
        Ok((None, Some("feed.example.org:8443".into())))
    );
    for host in ["", "a b", "user@feed.example.org", "feed.example.org,"] {
        assert_eq!(
            seen(&[("x-forwarded-host", host)]),
            Err(Refusal::HostMalformed),
            "{host:?}"
        );
    }
}

#[test]
fn two_kinds_that_contradict_each_other_are_refused() {
    let both = |x, forwarded| visit(&[("x-forwarded-for", x), ("forwarded", forwarded)]).map(|visit| visit.address);
    assert_eq!(both("192.0.2.7", "for=192.0.2.7"), Ok(ip("192.0.2.7")));
    assert_eq!(
        both("6.6.6.6, 192.0.2.7", "for=192.0.2.7"),
        Ok(ip("192.0.2.7")),
        "only what is believed is compared"
    );
    for (x, forwarded) in [
        ("192.0.2.7", "for=6.6.6.6"),
        ("192.0.2.7", "for=unknown"),
        ("unknown", "for=192.0.2.7"),
        ("192.0.2.7", "x"),
    ] {
        assert_eq!(both(x, forwarded), Err(Refusal::ForwardedDisagree), "{x} {forwarded}");
    }
    let proto = |x| visit(&[("x-forwarded-proto", x), ("forwarded", "for=192.0.2.7;proto=https")]);
    assert_eq!(proto("http"), Err(Refusal::ForwardedDisagree));
    let seen = proto("https").expect("they agree");
    assert_eq!(
        (seen.address, seen.scheme),
        (ip("192.0.2.7"), Some(Scheme::Https)),
        "one says what the other does not"
    );
    let host = [
        ("x-forwarded-host", "a.example"),
        ("forwarded", "for=192.0.2.7;host=b.example"),
    ];
    assert_eq!(visit(&host), Err(Refusal::ForwardedDisagree));
}

#[test]
fn who_is_not_trusted_is_not_listened_to() {
    let lines = [
        ("x-forwarded-for", "6.6.6.6"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "a b"),
        ("forwarded", "for=7.7.7.7"),
    ];
    let seen = Visit::of(ip("::ffff:192.0.2.7"), &headers(&lines), &proxies()).expect("nothing is read");
    let plain = Visit {
        address: ip("192.0.2.7"),
        carried: false,
        known: true,
        scheme: None,
        host: None,
    };
    assert_eq!(seen, plain);
}

/// An address outside our networks.
fn stranger() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<u32>().prop_map(|bits| IpAddr::from(bits.to_be_bytes())),
        any::<u128>().prop_map(|bits| IpAddr::from(bits.to_be_bytes()).to_canonical()),
    ]
    .prop_filter("not one of ours", |address| !proxies().trusts(*address))
}

/// Hops of ours, all of which are looked at.
fn ours() -> impl Strategy<Value = Vec<IpAddr>> {
    prop::collection::vec(
        any::<[u8; 3]>().prop_map(|[a, b, c]| IpAddr::from([10, a, b, c])),
        0..MAX_HOPS,
    )
}

/// Anything that may stand in a header, with a liking for what means something here.
fn rubbish() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        "[ -~]{0,12}",
        "[,;=\"\\[\\]:. ]{0,6}",
        Just("for=".to_owned()),
        Just("10.0.0.3".to_owned()),
        Just("6.6.6.6".to_owned()),
        Just("for=\"[2001:db8::6]\"".to_owned()),
        Just("unknown".to_owned()),
    ];
    prop::collection::vec(pieces, 0..8).prop_map(|pieces| pieces.concat())
}

fn as_x(addresses: &[IpAddr]) -> Vec<String> {
    addresses.iter().map(IpAddr::to_string).collect()
}

fn as_forwarded(addresses: &[IpAddr]) -> Vec<String> {
    let element = |address: &IpAddr| match address {
        IpAddr::V4(v4) => format!("for={v4};proto=https"),
        IpAddr::V6(v6) => format!("proto=https;for=\"[{v6}]:4711\""),
    };
    addresses.iter().map(element).collect()
}

proptest! {
    #[test]
    fn what_a_visitor_claims_changes_nothing(claimed in rubbish(), visitor in stranger(), ours in ours()) {
        let chain: Vec<IpAddr> = std::iter::once(visitor).chain(ours).collect();
        for (name, entries) in [("x-forwarded-for", as_x(&chain)), ("forwarded", as_forwarded(&chain))] {
            let honest = entries.join(", ");
            let lines = [vec![(name, format!("{claimed}, {honest}"))], vec![(name, claimed.clone()), (name, honest)]];
            for lines in lines {
                let lines: Vec<_> = lines.iter().map(|(name, value)| (*name, value.as_str())).collect();
                prop_assert_eq!(address(&lines), (visitor.to_string(), true));
            }
        }
    }

    #[test]
    fn rubbish_ends_the_walk_at_the_last_good_hop(visitor in stranger(), ours in ours(), at in any::<prop::sample::Index>()) {
        let chain: Vec<IpAddr> = std::iter::once(visitor).chain(ours).collect();
        for (name, mut entries) in [("x-forwarded-for", as_x(&chain)), ("forwarded", as_forwarded(&chain))] {
            let at = at.index(entries.len());
            entries[at] = "rubbish".into();
            let last_good = chain.get(at + 1).copied().unwrap_or(ip(PROXY));
            prop_assert_eq!(address(&[(name, &entries.join(","))]), (last_good.to_string(), false));
        }
    }

    #[test]
    fn a_chain_is_followed_so_far_and_no_further(visitor in stranger(), more in 0_usize..40) {
        let ours: Vec<IpAddr> = (0..MAX_HOPS + more).rev().map(|n| IpAddr::from([10, 1, 0, u8::try_from(n).expect("few")])).collect();
        let chain: Vec<IpAddr> = std::iter::once(visitor).chain(ours).collect();
        let entries = as_x(&chain).join(", ");
        prop_assert_eq!(address(&[("x-forwarded-for", &entries)]), (format!("10.1.0.{}", MAX_HOPS - 1), false));
    }

    #[test]
    fn nothing_that_stands_there_makes_up_an_address(x in rubbish(), f in rubbish(), proto in rubbish(), peer in stranger()) {
        let lines = [("x-forwarded-for", x.as_str()), ("forwarded", f.as_str()), ("x-forwarded-proto", proto.as_str())];
        for lines in [&lines[..1], &lines[1..], &lines[..]] {
            if let Ok(seen) = visit(lines) {
                let written = lines.iter().any(|(_, text)| text.contains(&seen.address.to_string()));
                prop_assert!(seen.address == ip(PROXY) || written || text_has(lines, seen.address), "{:?}", seen);
                prop_assert!(seen.carried && seen.known != proxies().trusts(seen.address));
            }
            let untrusted = Visit::of(peer, &headers(lines), &proxies()).expect("nothing is read");
            prop_assert_eq!((untrusted.address, untrusted.carried), (peer, false));
        }
    }
}

/// Whether some piece of the text is this address in another spelling.
fn text_has(lines: &[(&str, &str)], address: IpAddr) -> bool {
    let pieces = lines
        .iter()
        .flat_map(|(_, text)| text.split([',', ';', '=', '"', '[', ']', ' ']));
    pieces
        .filter_map(|piece| piece.parse::<IpAddr>().ok())
        .any(|found| found.to_canonical() == address)
}
