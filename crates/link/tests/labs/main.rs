//! Labs with the kernel's own TCP and UDP in them, as whoever runs the tests, and as an ordinary user.
//!
//! The privilege is taken before any thread is made, so this has a `main` of its own.

mod hard;
mod others;

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use wirelab_link::{
    Direction, FlowKey, Lab, LabError, Mechanism, Privilege, Profile, Shape, acquire, pin_congestion_control,
    rules::{FlowCounters, Loss, Rate, Share},
};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// Says to this binary that it is a child which makes a lab and waits to be killed.
const HOLD: &str = "--hold-a-lab";
/// Says that it is to use one namespace, where it could have two.
const ONE_NAMESPACE: &str = "--one-namespace";

type Test<T> = fn() -> Result<T, Failed>;

static PRIVILEGE: OnceLock<Privilege> = OnceLock::new();

fn main() {
    let mut privilege = acquire();
    let mut arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == ONE_NAMESPACE) {
        arguments.remove(at);
        privilege.mechanism = Some(Mechanism::OneNamespace);
    }
    if arguments.iter().any(|argument| argument == HOLD) {
        return others::hold(&privilege);
    }
    PRIVILEGE.set(privilege).expect("it is set once");
    let tests: [(&str, Test<()>); 13] = [
        ("udp_takes_the_delay_both_ways", udp_takes_the_delay_both_ways),
        (
            "the_same_seed_loses_the_same_packets",
            the_same_seed_loses_the_same_packets,
        ),
        (
            "all_lost_is_silence_and_a_change_ends_it",
            all_lost_is_silence_and_a_change_ends_it,
        ),
        (
            "the_rate_bounds_what_a_second_carries",
            the_rate_bounds_what_a_second_carries,
        ),
        ("two_labs_do_not_meet", two_labs_do_not_meet),
        ("flows_are_counted_by_port", flows_are_counted_by_port),
        ("congestion_control_is_pinned", congestion_control_is_pinned),
        ("nonsense_is_refused", nonsense_is_refused),
        ("a_dropped_lab_leaves_nothing", a_dropped_lab_leaves_nothing),
        ("a_flooded_lab_ends", hard::a_flooded_lab_ends),
        (
            "what_the_kernel_drops_is_counted",
            hard::what_the_kernel_drops_is_counted,
        ),
        (
            "outages_come_when_the_schedule_says",
            hard::outages_come_when_the_schedule_says,
        ),
        // The last: in one namespace its connection goes on closing in the next lab, and would take draws there.
        ("tcp_arrives_whole_through_loss", tcp_arrives_whole_through_loss),
    ];
    let alone: [(&str, Test<Completion>); 3] = [
        (
            "a_killed_process_leaves_nothing",
            others::a_killed_process_leaves_nothing,
        ),
        ("an_ordinary_user_has_it_all", others::an_ordinary_user_has_it_all),
        ("one_namespace_has_it_all", others::one_namespace_has_it_all),
    ];
    let works = privilege_here().mechanism.is_some();
    let why = || format!("no link can be made here: {:?}", privilege_here().refusals);
    let trials = tests.into_iter().map(|(name, test)| {
        Trial::ignorable_test(name, move || {
            if works {
                test().map(|()| Completion::Completed)
            } else {
                skipped(why())
            }
        })
    });
    let trials = trials.chain(
        alone
            .into_iter()
            .map(|(name, test)| Trial::ignorable_test(name, move || if works { test() } else { skipped(why()) })),
    );
    libtest_mimic::run(&Arguments::from_iter(arguments), trials.collect()).exit();
}

fn skipped(why: impl ToString) -> Result<Completion, Failed> {
    Ok(Completion::ignored_with(why))
}

fn privilege_here() -> &'static Privilege {
    PRIVILEGE.get().expect("main has set it")
}

fn lab(profile: &Profile, seed: u64) -> Result<Lab, LabError> {
    Lab::start(privilege_here(), profile, seed, Instant::now())
}

fn both(shape: Shape) -> Profile {
    Profile::symmetric(shape)
}

fn loss(percent: f64) -> Loss {
    Loss::Random(Share::new(percent / 100.0).expect("a share"))
}

/// A server's socket and a client's that is connected to it.
fn udp(lab: &Lab) -> Result<(UdpSocket, UdpSocket), Failed> {
    let bind = |place: &wirelab_link::Place, address: Ipv4Addr| place.within(|| UdpSocket::bind((address, 0)));
    let server = bind(lab.server(), lab.server_address())??;
    let client = bind(lab.client(), Ipv4Addr::UNSPECIFIED)??;
    client.connect((lab.server_seen_as(), server.local_addr()?.port()))?;
    for socket in [&server, &client] {
        socket.set_read_timeout(Some(PATIENCE))?;
    }
    Ok((server, client))
}

fn tcp(lab: &Lab) -> Result<(TcpStream, TcpStream), Failed> {
    let listener = lab.server().within(|| TcpListener::bind((lab.server_address(), 0)))??;
    let port = listener.local_addr()?.port();
    let client = lab
        .client()
        .within(|| TcpStream::connect((lab.server_seen_as(), port)))??;
    let (server, _) = listener.accept()?;
    for socket in [&server, &client] {
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_nodelay(true)?;
    }
    Ok((server, client))
}

/// Waits until the flow between two sockets has sent so many packets, and gives what became of them. By flow, since the
/// kernel says things of its own: a connection of an earlier test that still closes, say.
fn sent(
    lab: &Lab,
    direction: Direction,
    sockets: &(UdpSocket, UdpSocket),
    packets: u64,
) -> Result<FlowCounters, Failed> {
    let key = FlowKey {
        protocol: 17,
        server_port: sockets.0.local_addr()?.port(),
        client_port: sockets.1.local_addr()?.port(),
    };
    let begun = Instant::now();
    loop {
        let flows = lab.counters(direction).flows();
        let flow = flows
            .iter()
            .find(|(known, _)| *known == key)
            .map(|(_, flow)| *flow)
            .unwrap_or_default();
        if flow.packets >= packets {
            return Ok(flow);
        }
        if begun.elapsed() > PATIENCE {
            return Err(format!("still at {flow:?}").into());
        }
        thread::yield_now();
    }
}

fn udp_takes_the_delay_both_ways() -> Result<(), Failed> {
    let delay = Duration::from_millis(20);
    let lab = lab(
        &both(Shape {
            delay,
            ..Shape::default()
        }),
        1,
    )?;
    let (server, client) = udp(&lab)?;
    let mut buffer = [0; 100];
    for _ in 0..20 {
        let begun = Instant::now();
        client.send(b"ping")?;
        let (length, from) = server.recv_from(&mut buffer)?;
        let there = begun.elapsed();
        server.send_to(&buffer[..length], from)?;
        client.recv(&mut buffer)?;
        assert!(
            there >= delay && begun.elapsed() >= 2 * delay,
            "never faster than asked"
        );
    }
    Ok(())
}

fn tcp_arrives_whole_through_loss() -> Result<(), Failed> {
    let lab = lab(
        &both(Shape {
            loss: loss(5.0),
            delay: Duration::from_millis(2),
            ..Shape::default()
        }),
        3,
    )?;
    let (mut server, mut client) = tcp(&lab)?;
    let sent: Vec<u8> = (0..200_000_u32).map(|n| (n % 251) as u8).collect();
    let expected = sent.clone();
    let writer = thread::spawn(move || server.write_all(&sent).map(|()| server));
    let mut received = vec![0; expected.len()];
    client.read_exact(&mut received)?;
    assert!(received == expected, "every byte, in order");
    drop(writer.join().expect("the writer does not panic")?);
    assert!(
        lab.counters(Direction::Down).lost > 0,
        "and some packets were lost on the way"
    );
    Ok(())
}

fn the_same_seed_loses_the_same_packets() -> Result<(), Failed> {
    let arrived = |seed| -> Result<Vec<u32>, Failed> {
        let shape = Shape {
            loss: loss(10.0),
            ..Shape::default()
        };
        let lab = lab(&both(shape), seed)?;
        let sockets = udp(&lab)?;
        let mut numbers = Vec::new();
        for number in 0..1_000_u32 {
            sockets.1.send(&number.to_be_bytes())?;
            // One by one: a socket's buffer does not hold a thousand.
            let flow = sent(&lab, Direction::Up, &sockets, u64::from(number) + 1)?;
            if flow.packets - flow.dropped > numbers.len() as u64 {
                let mut buffer = [0; 4];
                sockets.0.recv(&mut buffer)?;
                numbers.push(u32::from_be_bytes(buffer));
            }
        }
        Ok(numbers)
    };
    let (first, second, other) = (arrived(11)?, arrived(11)?, arrived(12)?);
    assert_eq!(first, second);
    assert_ne!(first, other);
    assert!(
        (850..950).contains(&first.len()),
        "{} of 1,000 at 10 % loss",
        first.len()
    );
    Ok(())
}

fn all_lost_is_silence_and_a_change_ends_it() -> Result<(), Failed> {
    let shape = Shape {
        loss: loss(100.0),
        ..Shape::default()
    };
    let lab = lab(&both(shape), 1)?;
    let sockets = udp(&lab)?;
    for _ in 0..50 {
        sockets.1.send(b"lost")?;
    }
    assert_eq!(sent(&lab, Direction::Up, &sockets, 50)?.dropped, 50);
    lab.set_profile(&Profile::default())?;
    sockets.1.send(b"heard")?;
    let mut buffer = [0; 10];
    let length = sockets.0.recv(&mut buffer)?;
    assert_eq!(&buffer[..length], b"heard", "the first thing that comes");
    Ok(())
}

fn the_rate_bounds_what_a_second_carries() -> Result<(), Failed> {
    let shape = Shape {
        rate: Rate::new(8_000_000),
        ..Shape::default()
    };
    let lab = lab(&both(shape), 1)?;
    let sockets = udp(&lab)?;
    // Two seconds' worth at once: a tenth of a second fits into the queue.
    let begun = Instant::now();
    for _ in 0..2_000 {
        sockets.1.send(&[0; 972])?; // 1,000 bytes of IP
    }
    let flow = sent(&lab, Direction::Up, &sockets, 2_000)?;
    assert!(flow.dropped > 0);
    for _ in 0..flow.packets - flow.dropped {
        sockets.0.recv(&mut [0; 1000])?;
    }
    let bytes = (flow.packets - flow.dropped) * 1_000;
    let most = 1_000_000.0 * begun.elapsed().as_secs_f64() + 1_000.0;
    assert!((bytes as f64) < most, "{bytes} bytes in {:?}", begun.elapsed());
    Ok(())
}

fn two_labs_do_not_meet() -> Result<(), Failed> {
    let shape = Shape {
        loss: loss(100.0),
        ..Shape::default()
    };
    let (first, second) = (lab(&both(shape), 1)?, lab(&Profile::default(), 1)?);
    let (lost, heard) = (udp(&first)?, udp(&second)?);
    lost.1.send(b"first")?;
    heard.1.send(b"second")?;
    let mut buffer = [0; 10];
    let length = heard.0.recv(&mut buffer)?;
    assert_eq!(&buffer[..length], b"second");
    assert_eq!(sent(&first, Direction::Up, &lost, 1)?.dropped, 1);
    assert_eq!(sent(&second, Direction::Up, &heard, 1)?.dropped, 0);
    Ok(())
}

fn flows_are_counted_by_port() -> Result<(), Failed> {
    let lab = lab(&Profile::default(), 1)?;
    let sockets = udp(&lab)?;
    sockets.1.send(&[0; 100])?;
    let (_, from) = sockets.0.recv_from(&mut [0; 100])?;
    sockets.0.send_to(&[0; 50], from)?;
    sockets.1.recv(&mut [0; 100])?;
    for (direction, bytes) in [(Direction::Up, 128), (Direction::Down, 78)] {
        let flow = sent(&lab, direction, &sockets, 1)?;
        assert_eq!((flow.packets, flow.ip_bytes), (1, bytes));
    }
    Ok(())
}

fn congestion_control_is_pinned() -> Result<(), Failed> {
    let lab = lab(&Profile::default(), 1)?;
    let listener = lab.server().within(|| TcpListener::bind((lab.server_address(), 0)))??;
    pin_congestion_control(&listener, "reno")?;
    let refused = pin_congestion_control(&listener, "no-such-thing");
    assert!(refused.is_err());
    assert_eq!(rustix::net::sockopt::tcp_congestion(&listener)?, "reno");
    Ok(())
}

fn nonsense_is_refused() -> Result<(), Failed> {
    let delay = Duration::from_secs(600);
    let nonsense = both(Shape {
        delay,
        ..Shape::default()
    });
    assert!(matches!(lab(&nonsense, 1), Err(LabError::Profile(_))));
    let lab = lab(&Profile::default(), 1)?;
    assert!(lab.set_profile(&nonsense).is_err());
    let nothing = Privilege {
        mechanism: None,
        refusals: privilege_here().refusals.clone(),
    };
    let refused = Lab::start(&nothing, &Profile::default(), 1, Instant::now()).expect_err("nothing works");
    assert!(refused.to_string().contains("wirelab doctor"), "{refused}");
    Ok(())
}

fn a_dropped_lab_leaves_nothing() -> Result<(), Failed> {
    let lab = lab(&Profile::default(), 1)?;
    let (_server, client) = udp(&lab)?;
    client.send(b"there is a way")?;
    drop(lab);
    // The socket keeps its namespace, but the device is gone and the route with it.
    assert!(client.send(b"there is none").is_err());
    Ok(())
}
