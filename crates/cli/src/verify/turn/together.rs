//! One check over several ways in: it is as bad as the worst of them.

use super::super::check::{Finding, Verdict};

/// What was found on each way, as one finding.
pub(super) fn together(mut found: Vec<(String, Finding)>) -> Finding {
    // What is skipped is so for one reason, whichever the way.
    let is_one = found
        .windows(2)
        .all(|two| two[0].1 == two[1].1 && two[0].1.verdict == Verdict::Skip);
    if is_one && let Some((_, only)) = found.pop() {
        return only;
    }
    let worst = [Verdict::Fail, Verdict::Warn, Verdict::Pass, Verdict::Skip]
        .into_iter()
        .find(|verdict| found.iter().any(|(_, finding)| finding.verdict == *verdict))
        .unwrap_or(Verdict::Skip);
    let measured: Vec<_> = found
        .iter()
        .filter(|(_, finding)| finding.verdict == worst)
        .map(|(way, finding)| format!("{way}: {}", finding.measured))
        .collect();
    let others = found.len() - measured.len();
    let measured = measured.join("; ")
        + &if others > 0 {
            format!("; {others} other fine")
        } else {
            String::new()
        };
    let hint = found
        .iter()
        .find(|(_, finding)| finding.verdict == worst && !finding.hint.is_empty());
    let hint = hint.map_or_else(String::new, |(_, finding)| finding.hint.clone());
    let finding = match worst {
        Verdict::Pass => Finding::pass(measured),
        Verdict::Warn => Finding::warn(measured, ""),
        Verdict::Fail => Finding::fail(measured, ""),
        Verdict::Skip => Finding::skip(measured),
    };
    let evidence = found.into_iter().flat_map(|(way, finding)| {
        let measured = format!("{way}: {} {}", finding.verdict.word(), finding.measured);
        let lines = finding.evidence.into_iter().map(move |line| format!("{way}: {line}"));
        std::iter::once(measured).chain(lines)
    });
    finding.hint(hint).seen_all(evidence)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(name: &str, finding: Finding) -> (String, Finding) {
        (name.to_owned(), finding)
    }

    #[test]
    fn it_is_as_bad_as_the_worst_way() {
        let good = || way("udp", Finding::pass("1 ms").seen("a"));
        assert_eq!(together(vec![good()]), Finding::pass("1 ms").seen("a"));
        let both = together(vec![good(), way("tcp", Finding::pass("2 ms"))]);
        assert_eq!((both.verdict, &*both.measured), (Verdict::Pass, "udp: 1 ms; tcp: 2 ms"));
        assert_eq!(both.evidence, ["udp: PASS 1 ms", "udp: a", "tcp: PASS 2 ms"]);
        let bad = together(vec![good(), way("tcp", Finding::fail("no answer", "open it"))]);
        assert_eq!(
            (bad.verdict, &*bad.measured, &*bad.hint),
            (Verdict::Fail, "tcp: no answer; 1 other fine", "open it")
        );
        let part = together(vec![good(), way("tcp", Finding::skip("no secret"))]);
        let skipped = || Finding::skip("no secret").hint("give it");
        assert_eq!(together(vec![way("udp", skipped()), way("tcp", skipped())]), skipped());
        assert_eq!(part.verdict, Verdict::Pass, "what could be told is told");
    }
}
