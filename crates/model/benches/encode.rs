//! A message as JSON, once for all readers, and the frames around it.

use divan::{Bencher, black_box};
use wirelab_model::{
    Cursor, Micros, TopicName,
    frame::{Command, ErrorCode, Received, ServerFrame},
    message::{Data, write_message},
};

/// Bytes of a message's data.
const SIZES: [usize; 3] = [32, 100, 4_000];

fn main() {
    divan::main();
}

fn parts(bytes: usize) -> (TopicName, Cursor, String) {
    let topic = "metric".parse().expect("a name");
    let cursor: Cursor = "0123456789abcdef.1234567".parse().expect("a cursor");
    (topic, cursor, format!("{{\"pad\":\"{}\"}}", "x".repeat(bytes - 10)))
}

#[divan::bench(args = SIZES)]
fn write(bencher: Bencher<'_, '_>, bytes: usize) {
    let ((topic, cursor, data), mut out) = (parts(bytes), Vec::new());
    bencher.bench_local(|| {
        out.clear();
        write_message(
            &topic,
            cursor,
            Micros(1_764_000_000_000_000),
            black_box(data.as_bytes()),
            &mut out,
        );
        black_box(out.len())
    });
}

#[divan::bench(args = SIZES)]
fn take_what_is_published(bencher: Bencher<'_, '_>, bytes: usize) {
    let (.., data) = parts(bytes);
    bencher.bench_local(|| Data::parse(black_box(data.as_bytes())).expect("JSON"));
}

#[divan::bench(args = SIZES)]
fn read_at_the_client(bencher: Bencher<'_, '_>, bytes: usize) {
    let ((topic, cursor, data), mut out) = (parts(bytes), Vec::new());
    write_message(&topic, cursor, Micros(1), data.as_bytes(), &mut out);
    bencher.bench_local(|| serde_json::from_slice::<Received>(black_box(&out)).expect("a frame"));
}

#[divan::bench]
fn refuse(bencher: Bencher<'_, '_>) {
    let frame = ServerFrame::Error {
        id: None,
        code: ErrorCode::BadJson,
        message: "it is not".into(),
    };
    bencher.bench_local(|| black_box(&frame).to_json());
}

#[divan::bench]
fn understand_a_command(bencher: Bencher<'_, '_>) {
    let text = r#"{"type":"publish","id":7,"topic":"lunch","data":{"dish":"soup"}}"#;
    bencher.bench_local(|| Command::parse(black_box(text)).expect("a command").is_some());
}
