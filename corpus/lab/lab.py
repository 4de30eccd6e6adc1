#!/usr/bin/env python3
"""The lab: real, labelled captures of faults, made on one machine with real stacks and servers in network namespaces.

    sudo ./lab.py list
    sudo ./lab.py record [--variant N] [--out DIR] [--jobs N] [NAME…]     captures and labels; other values for every other N
    ./lab.py check NETANALYZE [--out DIR] [NAME…]                         confusion table of `--diagnoses`; exit 1 on a miss or an extra

It owns the command line and the label files; scenarios/ says what happens, bench.py where, forwarder.py on the way.
"""
import argparse
import importlib
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True
HEADER = "capture\tcode\tclient\tserver\tframes\twhy"
MOST_FRAMES = 120


def takes_bench(function):
    """A scenario takes the bench and nothing else."""
    return not function.__name__.startswith("_") and function.__code__.co_varnames[: function.__code__.co_argcount] == ("b",)


def scenarios():
    """Name -> function, in the order of their files."""
    found = {}
    for file in sorted((HERE / "scenarios").glob("*.py")):
        module = importlib.import_module(f"scenarios.{file.stem}")
        for function in list(vars(module).values()):
            own = callable(function) and getattr(function, "__module__", "") == module.__name__
            if own and function.__doc__ and takes_bench(function):
                found[function.__name__.replace("_", "-")] = function
    return found


def frames_of(capture, wanted):
    """The numbers of the frames that a display filter of tshark picks."""
    done = subprocess.run(["tshark", "-n", "-r", str(capture), "-o", "tcp.relative_sequence_numbers:FALSE", "-Y", wanted, "-T", "fields", "-e", "frame.number"],
                          capture_output=True, text=True)
    if done.returncode and "cut short" not in done.stderr:  # one file is cut short on purpose
        raise RuntimeError(f"tshark: {done.stderr.strip()}")
    return done.stdout.split()


def rows_of(bench):
    """What the scenario said must and may be found: rows of labels.tsv and labels-allowed.tsv."""
    must, may = [], []
    for tap, code, client, server, wanted, why, allowed in bench.labels:
        for file in bench.taps:
            if tap is not None and file != f"{bench.name}-{tap}":
                continue
            numbers = frames_of(bench.out / f"{file}.pcap", wanted) if wanted else []
            if wanted and not numbers:
                raise RuntimeError(f"{file}: {code}: no frame is {wanted[:300]}")
            if len(numbers) > MOST_FRAMES:
                numbers = numbers[:: -(-len(numbers) // MOST_FRAMES)]
            (may if allowed else must).append("\t".join((f"{file}.pcap", code, client, server, " ".join(numbers) or "-", why)))
    return must, may


MOST_TRIES = 4
RESTLESS = 0.045  # s: what an ordinary lookup or page may take, below any rule's threshold


REPEATING = ("LOSS", "CONN", "MTU", "RST-05", "RST-06", "PERF-01", "PERF-02", "Q-")


def restless(bench):
    """Whether this machine was so busy that bystanders had to wait, or that segments were sent again where the scenario loses and delays none:
    such a recording shows another fault than it should."""
    again = "tcp.analysis.retransmission or tcp.analysis.out_of_order or tcp.options.sack.dsack"
    doubtful = f"dns.time>{RESTLESS} or http.time>{RESTLESS}"
    if not any(label[1].startswith("Q-") for label in bench.labels):
        doubtful += f" or {again}"
    sought = f"ip.addr=={bench.bystander} and ({doubtful})"
    if not any(label[1].startswith(REPEATING) for label in bench.labels):
        sought += f" or {again}"
    return any(frames_of(bench.out / f"{file}.pcap", sought) for file in bench.taps)


def record_one(job):
    name, variant, out = job
    from bench import Bench
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that namespaces are removed then, too
    work = tempfile.mkdtemp(prefix="lab-")
    bench = None
    try:
        bench = Bench(name, variant, out, work)
        scenarios()[name](bench)
        result = rows_of(bench) if not restless(bench) else None
    except Exception:
        result = traceback.format_exc()
        log = Path(work, "programs.log")
        if log.exists():
            result += log.read_text()[-2000:]
    finally:
        if bench:
            bench.close()
        shutil.rmtree(work, ignore_errors=True)
    return name, result


def merge(file, names, rows):
    """Replaces the rows of the scenarios recorded anew."""
    owners = tuple(names)
    known = file.read_text().splitlines()[1:] if file.exists() else []

    def owner(row):
        stem = row.split("\t")[0].removesuffix(".pcap")
        for side in ("-client", "-server", "-path"):
            stem = stem.removesuffix(side)
        return stem
    kept = [row for row in known if owner(row) not in owners]
    file.write_text("\n".join([HEADER, *sorted(kept + rows)]) + "\n")


def record(options):
    known = scenarios()
    names = options.names or list(known)
    unknown = [n for n in names if n not in known]
    if unknown:
        sys.exit(f"no such scenario: {' '.join(unknown)}")
    if os.geteuid():
        sys.exit("recording needs root: it makes network namespaces")
    out = Path(options.out).resolve()
    captures = out / "captures"
    captures.mkdir(parents=True, exist_ok=True)
    failed, done, must, may = [], [], [], []
    from concurrent.futures import ThreadPoolExecutor
    with ThreadPoolExecutor(options.jobs) as pool:
        for name, result in pool.map(apart, [(n, options.variant, str(captures)) for n in names]):
            if isinstance(result, str):
                failed.append(name)
                print(f"{name}: FAILED\n{result}", flush=True)
                continue
            done.append(name)
            must += result[0]
            may += result[1]
            sizes = ", ".join(f"{f.name} {f.stat().st_size}" for f in sorted({captures / r.split(chr(9))[0] for r in result[0]}))
            print(f"{name}: {sizes}", flush=True)
    merge(out / "labels.tsv", done, must)
    merge(out / "labels-allowed.tsv", done, may)
    if failed:
        sys.exit(f"failed: {' '.join(failed)}")


def apart(job):
    """Runs one scenario in a process of its own, so that namespaces carry its number and nothing survives it."""
    tries = job[3] if len(job) > 3 else 1
    context = multiprocessing.get_context("fork")
    mine, theirs = context.Pipe(False)

    def body():
        theirs.send(record_one(job[:3]))
        theirs.close()
    child = context.Process(target=body)
    child.start()
    theirs.close()
    try:
        result = mine.recv()
    except EOFError:
        result = job[0], "ended without a result"
    child.join()
    if result[1] is None:
        if tries < MOST_TRIES:
            return apart((*job[:3], tries + 1))
        return job[0], f"ordinary traffic had to wait in {tries} recordings: the machine is too busy"
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list")
    one = commands.add_parser("record")
    one.add_argument("--variant", type=int, default=1)
    one.add_argument("--out", default=str(HERE))
    one.add_argument("--jobs", type=int, default=3)
    one.add_argument("names", nargs="*")
    two = commands.add_parser("check")
    two.add_argument("binary")
    two.add_argument("--out", default=str(HERE))
    two.add_argument("names", nargs="*")
    options = parser.parse_args()
    if options.command == "list":
        for name, function in scenarios().items():
            print(f"{name:28} {function.__doc__.splitlines()[0]}")
    elif options.command == "record":
        record(options)
    else:
        import check
        sys.exit(check.check(options.binary, Path(options.out), options.names))


if __name__ == "__main__":
    main()
