//! provisional: rows only
use netanalyze_core::{capture::Source, engine::*, expert::KindSet, field::*, model::Span};
struct Rows(Selection);
impl View for Rows {
    type Piece = Vec<u8>;
    fn interests(&self) -> Interests {
        Interests { kinds: KindSet::NONE, rows: true, gap: Span(1_000_000_000) }
    }
    fn digest(&self, b: &AnalysedBatch<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        let mut row = Row::default();
        for f in b.frames() {
            self.0.read(&f, &mut row);
            let cells: Vec<String> = row
                .cells()
                .iter()
                .map(|c| {
                    let v: Vec<String> = c.iter().map(ToString::to_string).collect();
                    let s = v.join(",");
                    if s.contains(',') { format!("\"{s}\"") } else { s }
                })
                .collect();
            out.extend_from_slice(cells.join(",").as_bytes());
            out.push(b'\n');
        }
        out
    }
}
struct Count(KindSet);
impl View for Count {
    type Piece = usize;
    fn interests(&self) -> Interests {
        Interests { kinds: self.0, ..Interests::default() }
    }
    fn digest(&self, b: &AnalysedBatch<'_>) -> usize {
        b.findings.len()
    }
}
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let i = args.iter().position(|a| a == "--fields");
    let threads = std::env::var("T").ok().and_then(|t| t.parse().ok()).unwrap_or(2);
    let threads = std::num::NonZeroUsize::new(threads).unwrap();
    let src = vec![Source::File(args[1].clone().into())];
    use std::io::Write;
    let c = Cancellation::default();
    if let Some(i) = i {
        println!("{}", args[i + 1]);
        let v = Rows(Selection::new(args[i + 1].split(',')).unwrap());
        let r = analyse(src, threads, &v, |p| std::io::stdout().write_all(&p), &c);
        if let Err(e) = r {
            eprintln!("{e}");
            std::process::exit(2)
        }
    } else {
        let mut n = 0;
        let r = analyse(
            src,
            threads,
            &Count(KindSet::at_least(netanalyze_core::expert::Severity::Note)),
            |p| {
                n += p;
                Ok(())
            },
            &c,
        );
        match r {
            Ok(r) => println!("{n} {r:#?}"),
            Err(e) => {
                eprintln!("{e}");
                std::process::exit(2)
            }
        }
    }
}
