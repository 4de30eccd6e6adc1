"""Compares `netanalyze --diagnoses --format json` with the labels: what was found, missed, or said too much, as a table of codes.

A label is found if a diagnosis of at least medium confidence has its code, its endpoints (client's address, server's address and port) and cites
one of its frames; a label of the whole capture (Q-…, endpoints `-`) if its code stands anywhere in the report. A diagnosis of at least medium
confidence that no label asks for or allows is an extra. Codes Q-… are facts on the capture and never extras in a capture that allows or expects
any of them.
"""
import json
import subprocess
from collections import defaultdict


def read_labels(file):
    rows = defaultdict(list)
    for line in file.read_text().splitlines()[1:]:
        capture, code, client, server, frames, _why = line.split("\t")
        rows[capture].append((code, client, server, {int(n) for n in frames.split()} if frames != "-" else set()))
    return rows


def diagnose(binary, capture):
    done = subprocess.run([binary, str(capture), "--diagnoses", "--format", "json"], capture_output=True, text=True)
    if not done.stdout.strip():
        raise SystemExit(f"{capture.name}: no report: {done.stderr.strip()[:300]}")
    return json.loads(done.stdout)


def codes_in(value):
    """Every `code` of a report, wherever it stands."""
    if isinstance(value, dict):
        return ({value["code"]} if isinstance(value.get("code"), str) else set()).union(*map(codes_in, value.values()))
    return set().union(*map(codes_in, value)) if isinstance(value, list) else set()


def ends_of(diagnosis):
    return {(e.get("client"), e.get("server")) for e in diagnosis.get("endpoints", [])}


def concerns(diagnosis, label):
    code, client, server, _ = label
    if diagnosis["code"] != code:
        return False
    return client == "-" or any((client in (c, "-")) and server == s for c, s in ends_of(diagnosis))


def why_not(said, label):
    """What a diagnosis of the right code lacks, for the reader of a miss."""
    same = [d for d in said if d["code"] == label[0]]
    if not same:
        return "not said"
    if not any(concerns(d, label) for d in same):
        return "other endpoints: " + "; ".join(f"{c} -> {s}" for d in same for c, s in sorted(ends_of(d), key=str)[:3])
    sure = [d for d in same if concerns(d, label) and d["confidence"] != "low"]
    return "low confidence" if not sure else "other frames: " + " ".join(str(e.get("frame")) for d in sure for e in d.get("evidence", [])[:8])


def check(binary, out, names):
    must, may = read_labels(out / "labels.tsv"), read_labels(out / "labels-allowed.tsv")
    table, complaints = defaultdict(lambda: [0, 0, 0]), []
    captures = [c for c in sorted(must) if not names or any(c.startswith(n) for n in names)]
    for capture in captures:
        report = diagnose(binary, out / "captures" / capture)
        said = report["diagnoses"]
        sure = [d for d in said if d["confidence"] != "low"]
        wanted = [label for label in must[capture] if label[0] != "-"]
        for label in wanted:
            code, frames = label[0], label[3]
            if code.startswith("Q-"):
                found = code in codes_in(report)
            else:
                found = any(concerns(d, label) and (not frames or frames & {e.get("frame") for e in d.get("evidence", [])}) for d in sure)
            table[code][0 if found else 1] += 1
            if not found:
                complaints.append(f"missed  {capture}: {code} {label[1]} -> {label[2]}: {why_not(said, label)}")
        known = wanted + may[capture]
        quality = any(label[0].startswith("Q-") for label in known)
        for d in sure:
            if any(concerns(d, label) for label in known) or (quality and d["code"].startswith("Q-")):
                continue
            table[d["code"]][2] += 1
            ends = "; ".join(f"{c} -> {s}" for c, s in sorted(ends_of(d), key=str)[:3])
            complaints.append(f"extra   {capture}: {d['code']} {d.get('name', '')} ({d['confidence']}) {ends}: frames "
                              + " ".join(str(e.get("frame")) for e in d.get("evidence", [])[:8]))
    print("\n".join(complaints))
    print(f"{'code':9} {'found':>6} {'missed':>6} {'extra':>6}")
    for code, counts in sorted(table.items()):
        print(f"{code:9} {counts[0]:6} {counts[1]:6} {counts[2]:6}")
    total = [sum(c[i] for c in table.values()) for i in range(3)]
    silent = sum(1 for c in captures if must[c][0][0] == "-")
    print(f"{'all':9} {total[0]:6} {total[1]:6} {total[2]:6}   in {len(captures)} captures, {silent} of them healthy")
    return 1 if total[1] or total[2] else 0
